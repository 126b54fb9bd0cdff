"""Arguments of Megatron-LM, as on a command line or in a script: the job that they ask for."""

import re
import shlex
from collections.abc import Mapping
from math import prod
from typing import Any

from solvers.jobs.errors import JobError
from solvers.jobs.readers.shell import run_assignments

# Where each argument goes. What is not listed says nothing of what is exchanged.
WHOLE = {
    "num-layers": "model.layers",
    "hidden-size": "model.hidden",
    "num-attention-heads": "model.heads",
    "num-query-groups": "model.key_value_heads",
    "kv-channels": "model.head",
    "ffn-hidden-size": "model.feed_forward",
    "seq-length": "model.sequence",
    "vocab-size": "model.vocabulary",
    "padded-vocab-size": "model.vocabulary",
    "num-experts": "model.experts",
    "moe-router-topk": "model.top_k",
    "moe-intermediate-size": "model.expert",
    "moe-ffn-hidden-size": "model.expert",
    "n-shared-experts": "model.shared",
    "num-shared-experts": "model.shared",
    "first-k-dense-replace": "model.dense_layers",
    "mtp-num-layers": "model.mtp",
    "tensor-model-parallel-size": "layout.tp",
    "context-parallel-size": "layout.cp",
    "expert-model-parallel-size": "layout.ep",
    "expert-tensor-parallel-size": "layout.etp",
    "pipeline-model-parallel-size": "layout.pp",
    "num-virtual-stages-per-pipeline-rank": "layout.virtual",
    "global-batch-size": "batch.sequences",
    "micro-batch-size": "batch.micro",
}
NEEDED = ("num-layers", "hidden-size", "num-attention-heads", "seq-length", "global-batch-size")
# Of latent attention, all or none.
LATENT = {
    "q-lora-rank": "query_rank",
    "kv-lora-rank": "key_value_rank",
    "qk-nope-head-dim": "nope",
    "qk-head-dim": "nope",
    "qk-rope-head-dim": "rope",
    "qk-pos-emb-head-dim": "rope",
    "v-head-dim": "value",
}
RANKS = "world-size"
SET = re.compile(r"^[A-Za-z_]\w*\+?=\(?")  # NAME=(, before arguments
MOST_WORDS = 100_000
LAYERS = re.compile(r"\(?(?:\[0\]\*([0-9]{1,6})\+)?\[1\]\*[0-9]{1,6}\)?")  # ([0]*3+[1]*58)


def looks_like(text: str) -> bool:
    """Tell whether a text holds such arguments."""
    return re.search(r"--(num-layers|tensor-model-parallel-size)[ =\\\n]", text) is not None


def read(text: str, name: str) -> dict[str, Any]:
    """Read a job of the arguments in a text; everything else in it is passed over.

    Args:
        text: a command line, or a script that lists the arguments one after the other. Variables
            that it sets to plain words before are put in.
        name: of the job.

    Raises:
        JobError: an argument without its value, or one that is needed and not there.
    """
    given = _arguments(text)
    missing = [f"--{key}" for key in NEEDED if key not in given]
    if missing:
        raise JobError(f"found no {', '.join(missing)}, expected all of a Megatron-LM command")
    tables: dict[str, dict[str, Any]] = {"model": {}, "layout": {}, "batch": {}}
    for key, place in WHOLE.items():
        if key in given:
            table, _, field = place.partition(".")
            tables[table][field] = _whole(key, given[key])
    _complete(tables, given)
    return {"format": "commplan/job/1", "name": name, "source": "Megatron-LM arguments", **tables}


def _arguments(text: str) -> dict[str, str]:
    """List the arguments; one without a value has the empty text."""
    words = _words(run_assignments(re.sub(r"\\\r?\n", " ", text)))[:MOST_WORDS]
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        if not word.startswith("--"):
            continue
        key, equals, value = word[2:].partition("=")
        after = words[place + 1] if place + 1 < len(words) else ""
        plain = value if equals else ("" if after.startswith("--") else after)
        found[key] = plain if "(" in plain else plain.removesuffix(")")  # of a shell's array
    return found


def _words(text: str) -> list[str]:
    """Cut a script into words; what stands in quotes may hold several arguments."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:  # a quotation without an end, as in what a script only prints
        words = text.split()
    parted = (SET.sub("", word).split() if "--" in word else [word] for word in words)
    return [part.strip("'\"") for parts in parted for part in parts]


def _whole(key: str, value: str) -> int:
    if not re.fullmatch("[0-9]{1,12}", value):
        raise JobError(f"--{key}: found {value[:40]!r}, expected a whole number")
    return int(value)


def _count_listed(key: str, value: str) -> int:
    """Count the numbers of a list such as 3,7."""
    if not re.fullmatch("[0-9]{1,12}(,[0-9]{1,12})*", value):
        raise JobError(f"--{key}: found {value[:40]!r}, expected whole numbers with commas between")
    return value.count(",") + 1


def _complete(tables: dict[str, dict[str, Any]], given: Mapping[str, str]) -> None:
    """Work out what Megatron-LM does: its defaults, and dp from the number of ranks."""
    model, layout, batch = tables["model"], tables["layout"], tables["batch"]
    model.setdefault("vocabulary", 50304)
    if "noop-layers" in given:  # MindSpeed-LLM's, which only fill stages up
        model["layers"] -= _count_listed("noop-layers", given["noop-layers"])
    if (latent := _latent(given)) is not None:
        model["mla"] = latent
    model["gated"] = "swiglu" in given
    model["tied"] = "untie-embeddings-and-output-weights" not in given
    if "num-experts" in given:
        model.setdefault("expert", model.get("feed_forward", 4 * model["hidden"]))
        model.setdefault("top_k", 2)
        _complete_experts(tables, given)
        if "moe-shared-expert-intermediate-size" in given:
            wide = _whole(
                "moe-shared-expert-intermediate-size", given["moe-shared-expert-intermediate-size"]
            )
            model["shared"] = max(wide // max(model["expert"], 1), 1)
    else:
        model.setdefault("feed_forward", 4 * model["hidden"])
    batch.setdefault("micro", 1)
    layout["sequence_parallel"] = "sequence-parallel" in given
    layout["zero"] = 1 if "use-distributed-optimizer" in given else 0
    if "use-tp-pp-dp-mapping" in given:
        layout["order"] = "tp-cp-ep-pp-dp"
    part = prod(max(layout.get(key, 1), 1) for key in ("tp", "cp", "pp"))  # 0 is refused later
    if "num-layers-per-virtual-pipeline-stage" in given:
        key = "num-layers-per-virtual-pipeline-stage"
        own = max(model["layers"] // max(layout.get("pp", 1), 1), 1)
        layout["virtual"] = max(own // max(_whole(key, given[key]), 1), 1)
    ranks = _ranks(given)
    if ranks % part:
        raise JobError(f"layout: {ranks} ranks, expected a multiple of tp x cp x pp = {part}")
    layout["dp"] = ranks // part


def _complete_experts(tables: dict[str, dict[str, Any]], given: Mapping[str, str]) -> None:
    """Read which layers have experts, and whether ranks of tp get experts of their own."""
    model, layout = tables["model"], tables["layout"]
    if (told := given.get("moe-layer-freq", "1")) != "1":
        listed = LAYERS.fullmatch(told.replace(" ", ""))
        if listed is None:
            wanted = "1 or ([0]*3+[1]*58): experts in all layers from one on"
            raise JobError(f"--moe-layer-freq: found {told[:40]!r}, expected {wanted}")
        model["dense_layers"] = int(listed[1] or 0)
    if "moe-tp-extend-ep" in given:  # MindSpeed-LLM: tp shares out experts, and cuts none
        layout["ep"], layout["etp"] = layout.get("ep", 1) * layout.get("tp", 1), 1


def _latent(given: Mapping[str, str]) -> dict[str, int] | None:
    """Read the widths of latent attention; None where not all are given."""
    found = {LATENT[key]: _whole(key, given[key]) for key in LATENT if key in given}
    return found if len(found) == len(set(LATENT.values())) else None


def _ranks(given: Mapping[str, str]) -> int:
    """Count the ranks: what torchrun is told, or a world size."""
    if RANKS in given:
        return _whole(RANKS, given[RANKS])
    for key in ("nproc_per_node", "nproc-per-node"):
        if key in given:
            return _whole("nnodes", given.get("nnodes", "1")) * _whole(key, given[key])
    raise JobError("found no number of ranks, expected --world-size, or --nproc-per-node")
