"""What a processor is called, from what files say of it, as NCCL tells them apart."""

ARCHITECTURES = {"arm64": "ARM", "aarch64": "ARM", "ppc64": "P9", "ppc64le": "P9"}
# The least model number of each generation of Intel's Xeon, the newest first.
XEONS = ((0xCF, "ERP"), (0x8F, "SRP"), (0x55, "SKL"), (0, "BDW"))


def generation(architecture: str, vendor: str, model: int) -> str | None:
    """Look up the generation of a processor; None where NCCL knows none.

    Source: NCCL src/graph/topo.cc and topo.h.
    """
    if architecture in ARCHITECTURES:
        return ARCHITECTURES[architecture]
    if "AMD" in vendor:
        return "AMD"
    if vendor != "GenuineIntel":
        return None
    return next(word for least, word in XEONS if model >= least)
