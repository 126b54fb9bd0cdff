"""MSCCL++ execution plans: their values, their executor's rules, and what they do with data."""
