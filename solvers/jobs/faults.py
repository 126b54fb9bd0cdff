"""What of a job does not fit together, one line for each mistake."""

from collections.abc import Iterator
from itertools import permutations

from solvers.jobs.job import Job, Layout, Model
from solvers.jobs.layout import KINDS_OF_EXPERTS, before_stages, grids, world

DIMENSIONS = ("tp", "cp", "ep", "dp", "pp")
MOST_RANKS = 2**20


def list_faults(job: Job) -> list[str]:
    """List the mistakes of a job, each with its place, what was found and what was expected."""
    found = [*_parts(job), *_layout(job.layout), *(_model(job) if job.model else ()), *_batch(job)]
    return found or list(_stages(job))


def _parts(job: Job) -> Iterator[str]:
    """Say what is missing for any bytes to be known."""
    if not job.flows and not (job.model and (job.batch or job.decode)):
        yield "file: found no flows, expected flows, or a model with a batch or a decode"
    if job.batch and job.decode:
        yield "batch: found beside decode, expected one of them"


def _layout(layout: Layout) -> Iterator[str]:
    """Compare the dimensions with each other."""
    etp, stage = layout.etp or layout.tp, layout.tp * layout.cp * layout.dp
    if stage % (etp * layout.ep):
        yield (
            f"layout.ep: {layout.ep} x expert tensor parallelism {etp}, expected a divisor of "
            f"tp x cp x dp = {stage}"
        )
    if world(layout) > MOST_RANKS:
        yield f"layout: {world(layout):,} ranks, expected at most {MOST_RANKS:,}"
    if layout.pp == 1 and layout.virtual > 1:
        yield f"layout.virtual: {layout.virtual}, expected 1 where pp is 1"
    if tuple(layout.order.split("-")) not in set(permutations(DIMENSIONS)):
        yield f"layout.order: found {layout.order!r}, expected tp-cp-ep-dp-pp in any order"


def _stages(job: Job) -> Iterator[str]:
    """Compare the pipelines of the grid with experts with those of the other, as Megatron-LM."""
    dense, experts = map(before_stages, grids(job.layout))
    named = any(flow.group in KINDS_OF_EXPERTS for flow in job.flows)
    if job.layout.pp > 1 and dense != experts and (named or (job.model and job.model.experts)):
        yield (
            f"layout.order: {job.layout.order}: stages are {dense} ranks apart, those of experts "
            f"{experts}, expected the same, or pp last"
        )


def _model(job: Job) -> Iterator[str]:
    """Compare the model with the layout."""
    model, layout = job.model, job.layout
    assert model is not None
    if model.heads % layout.tp:
        yield f"layout.tp: {layout.tp}, expected a divisor of {model.heads} heads"
    if job.batch and not model.head and not model.mla and model.hidden % model.heads:
        yield f"model.heads: {model.heads}, expected a divisor of the hidden size {model.hidden}"
    if model.heads % (model.key_value_heads or 1):
        of = f"a divisor of {model.heads} heads"
        yield f"model.key_value_heads: {model.key_value_heads}, expected {of}"
    if model.hidden % layout.tp:
        yield f"layout.tp: {layout.tp}, expected a divisor of the hidden size {model.hidden}"
    if model.sequence % (layout.cp * 2) and layout.cp > 1:
        yield f"layout.cp: {layout.cp}, expected half a divisor of the sequence {model.sequence}"
    if layout.pp * layout.virtual > model.layers + 2:
        stages = layout.pp * layout.virtual
        yield (
            f"layout.pp: {stages} stages, expected at most {model.layers} layers, the first "
            "matrix and the loss"
        )
    yield from _experts(model, layout, bool(job.decode))


def _experts(model: Model, layout: Layout, decode: bool) -> Iterator[str]:
    """Compare the experts with the layout; serving may have replicas of them."""
    if not model.experts:
        if layout.ep > 1:
            yield f"layout.ep: {layout.ep}, expected 1 where the model has no experts"
        if not model.feed_forward:
            yield "model.feed_forward: found 0, expected the inner width of a layer"
        return
    if not 1 <= model.top_k <= model.experts:
        yield f"model.top_k: {model.top_k}, expected 1 to {model.experts} experts"
    if not model.expert:
        yield "model.expert: found 0, expected the inner width of an expert"
    if model.dense_layers > model.layers:
        yield f"model.dense_layers: {model.dense_layers}, expected at most {model.layers} layers"
    if model.dense_layers and not model.feed_forward:
        yield "model.feed_forward: found 0, expected the inner width of the dense layers"
    if model.experts % layout.ep and not decode:
        yield f"layout.ep: {layout.ep}, expected a divisor of {model.experts} experts"
    etp = layout.etp or layout.tp
    if model.expert % etp:
        yield f"layout.etp: {etp}, expected a divisor of an expert's width {model.expert}"
    if model.experts % model.groups or model.top_k % model.groups:
        yield f"model.groups: {model.groups}, expected a divisor of experts and of top_k"


def _batch(job: Job) -> Iterator[str]:
    """Compare the batch with the layout."""
    if not job.batch:
        return
    layout, batch = job.layout, job.batch
    share = layout.dp * batch.micro
    if batch.sequences % share:
        yield (
            f"batch.sequences: {batch.sequences}, expected a multiple of dp x micro = "
            f"{layout.dp} x {batch.micro}"
        )
    elif job.compute.schedule == "dualpipe" and layout.pp > 1:
        count = batch.sequences // share
        if layout.pp % 2 or count % 2 or count < 2 * layout.pp:
            yield (
                f"compute.schedule: dualpipe of {count} microbatches over pp {layout.pp}, expected "
                "even numbers, two microbatches or more for each rank"
            )
    elif layout.virtual > 1 and (batch.sequences // share) % layout.pp:
        yield (
            f"batch.sequences: {batch.sequences // share} microbatches, expected a multiple of "
            f"pp {layout.pp} where stages are virtual"
        )
