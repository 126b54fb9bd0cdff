"""Readers of what lies on machines of Huawei: rank tables, and the topology file of the driver."""
