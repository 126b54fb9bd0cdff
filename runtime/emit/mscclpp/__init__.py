"""MSCCL++ execution plans: from a schedule to chunks, thread blocks and channels."""
