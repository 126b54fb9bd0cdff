"""Job files, those of others too, and what is wrong with them."""

import pytest

from solvers.jobs.demand import demand
from solvers.jobs.errors import JobError
from solvers.jobs.job import schema
from solvers.jobs.layout import world
from solvers.jobs.reading import load

MEGATRON = """\
torchrun --nnodes 4 --nproc-per-node 8 pretrain_gpt.py \\
  --num-layers 32 --hidden-size 4096 --num-attention-heads 32 --group-query-attention \\
  --num-query-groups 8 --ffn-hidden-size 14336 --seq-length 8192 --swiglu \\
  --num-experts 8 --moe-router-topk 2 --expert-model-parallel-size=4 \\
  --tensor-model-parallel-size 2 --sequence-parallel --pipeline-model-parallel-size 2 \\
  --expert-tensor-parallel-size 1 --untie-embeddings-and-output-weights \\
  --micro-batch-size 1 --global-batch-size 256 --use-distributed-optimizer --vocab-size 32000
"""
AICB = """\
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 ep: 4 pp: 2 vpp: 4 ga: 8 all_gpus: 32 \
checkpoints: 0 checkpoint_initiates: 0 pp_comm: 4096
3
grad_gather -1 1 NONE 0 1 NONE 0 1 ALLGATHER 1000 100
attention -1 5 ALLREDUCE 2000 5 NONE 0 5 NONE 0 100
mlp -1 5 ALLTOALL_EP 3000 5 ALLTOALL_EP 3000 5 REDUCESCATTER_DP_EP 400 100
"""
ROWS = """\
# tp=4 dp=2
group,collective,bytes,times
tp,all_reduce,360MiB,4992
dp,reduce_scatter,1000,1.5
"""
JOB = """\
format = "commplan/job/1"
name = "small"
[model]
layers = 4
hidden = 64
heads = 4
vocabulary = 100
feed_forward = 256
[layout]
tp = 2
dp = 2
[batch]
sequences = 4
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="job.toml"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return written


def test_arguments_of_megatron_are_a_job(write):
    job = load(write(MEGATRON, "run.sh"))
    assert (world(job.layout), job.layout.dp, job.layout.zero) == (32, 8, 1)
    assert (job.model.expert, job.model.top_k, job.model.gated) == (14336, 2, True)
    assert {flow.group for flow in demand(job)} == {"tp", "ep", "pp", "dp", "edp"}


def test_variables_of_a_script_are_put_in(write):
    script = MEGATRON.replace("parallel-size 2 --seq", "parallel-size ${TP} --seq")
    script = script.replace("--nnodes 4", "--nnodes $NODES")
    script = script.replace("node 8 pre", "node ${N:-8} pre")
    assert "${TP}" in script
    job = load(write("# TP=3\nexport TP=2\nNODES=4\n" + script, "run.sh"))
    assert job == load(write(MEGATRON, "run.sh"))


# As scripts of MindSpeed-LLM and of Pai-Megatron-Patch are written.
SCRIPT = """\
SIZE=236B
NPUS=16
NNODES=${SLURM_NNODES:-"2"}
TP=2
RUN_ARGS="--nproc_per_node $NPUS --nnodes $NNODES"
if [ $SIZE = 16B ]; then
HIDDEN=2048
moe_options=" --num-experts 64 --moe-ffn-hidden-size 1408"
elif [[ "$SIZE" == "236B" ]]; then
HIDDEN=5120
MOE_ARGS="
    --moe-layer-freq '([0]*1+[1]*59)' \\
    --n-shared-experts 2 \\
    --num-experts 160 \\
    --moe-router-topk 6 \\
    --moe-intermediate-size 1536 \\
    --moe-tp-extend-ep \\
    --mtp-num-layers 1 \\
"
else
HIDDEN=7168
fi
if [ -n "$X" ]; then
    OTHERS+=("--vocab-size 102400" "--split '99,1,0'")
fi
MLA_ARGS="--q-lora-rank 1536 --kv-lora-rank 512 --qk-nope-head-dim 128
    --qk-rope-head-dim 64 --v-head-dim 128"
GPT_ARGS=(--num-layers 63 --noop-layers 60,61,62 --hidden-size ${HIDDEN} --ffn-hidden-size 12288
    --num-attention-heads 128 --seq-length 4096 --global-batch-size 64 --swiglu
    --tensor-model-parallel-size ${TP} --expert-model-parallel-size 8)
torchrun $RUN_ARGS pretrain_gpt.py # don't stop
"""


def test_a_script_says_which_branch_of_an_if_is_run_and_holds_arguments_in_quotes(write):
    job = load(write(SCRIPT, "run.sh"))
    model, layout = job.model, job.layout
    assert (world(layout), layout.tp, layout.ep, layout.etp) == (32, 2, 16, 1)
    assert (model.layers, model.dense_layers, model.hidden, model.mtp) == (60, 1, 5120, 1)
    assert (model.experts, model.top_k, model.shared, model.expert) == (160, 6, 2, 1536)
    assert (model.vocabulary, model.mla.query_rank, model.mla.value) == (102400, 1536, 128)
    small = load(write(SCRIPT.replace("SIZE=236B", "SIZE=16B"), "run.sh"))
    assert (small.model.hidden, small.model.experts, small.layout.ep) == (2048, 64, 8)
    large = load(
        write(
            SCRIPT.replace("SIZE=236B", "SIZE=671B"),
            "run.sh",
        ),
        ["layout.ep=1"],
    )
    assert (large.model.hidden, large.model.experts) == (7168, 0)


def test_a_workload_that_was_cut_off_is_refused(write):
    with pytest.raises(JobError, match="line 2: found 2 rows, expected 3"):
        load(write("".join(AICB.splitlines(keepends=True)[:-1]), "workload.txt"))


def test_a_workload_of_aicb_is_a_job(write):
    job = load(write(AICB, "workload.txt"))
    rows = {(f.group, f.collective, f.bytes, f.times) for f in demand(job)}
    assert rows == {
        ("dp", "all_gather", 1000, 1),
        ("tp", "all_reduce", 2000, 1),
        ("ep", "all_to_all", 3000, 2),
        ("edp", "reduce_scatter", 400, 1),
        ("pp", "send", 4096, 16),
    }


def test_a_list_of_collectives_is_a_job(write):
    job = load(write(ROWS, "list.csv"))
    found = [(f.group, f.bytes, f.times) for f in demand(job)]
    assert found == [("tp", 360 * 2**20, 4992), ("dp", 1000, 1.5)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tp = 2", "tp = 8", "layout.tp: 8, expected a divisor of 4 heads"),
        ("hidden = 64", "hidden = 66", "model.heads: 4, expected a divisor of the hidden size 66"),
        ("heads = 4", "heads = 4\nkey_value_heads = 3", "model.key_value_heads: 3, expected a div"),
        ("feed_forward = 256", f"feed_forward = {2**40}", "bytes, expected at most"),
        ("tp = 2", "tpp = 2", "layout: table contains unknown field 'tpp'"),
        ("tp = 2", "tp = '2'", "layout.tp: expected 'int', got 'str'"),
        ("tp = 2", "tp = 0", "layout.tp: expected 'int' >= 1"),
        (
            "[layout]",
            "[hidden.xx]\n[layout]",
            "hidden: invalid enum value 'xx', expected one of cp",
        ),
        ("tp = 2", "zero = 7", "layout.zero: invalid enum value 7, expected one of 0, 1, 2, 3"),
        ("tp = 2", "ep = 2", "layout.ep: 2, expected 1 where the model has no experts"),
        ("feed_forward = 256", "", "model.feed_forward: found 0, expected the inner width"),
        ("tp = 2", "pp = 8", "layout.pp: 8 stages, expected at most 4 layers"),
        ("sequences = 4", "sequences = 3", "batch.sequences: 3, expected a multiple of dp x micro"),
        ("[batch]\nsequences = 4", "", "file: found no flows, expected flows, or a model with"),
        ("dp = 2", "dp = 2\norder = 'tp-pp'", "layout.order: found 'tp-pp', expected tp-cp-ep"),
        ("heads = 4", "heads = 4\nexperts = 6\ntop_k = 2\nexpert = 8\n", ""),
        ("[layout]", "experts = 6\ntop_k = 9\nexpert = 8\n[layout]", "model.top_k: 9, expected 1"),
        ("format", "formt", "table contains unknown field 'formt'"),
        ("tp = 2", "tp = ", "line 10, column"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(write, old, new, said):
    path = write(JOB.replace(old, new))
    if not said:
        assert load(path)
        return
    with pytest.raises(JobError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (AICB.replace("ALLREDUCE", "ALLRED"), "w.txt", "line 4: found 'ALLRED', expected a coll"),
        (AICB.replace("32 ch", "33 ch"), "w.txt", "line 1: found all_gpus 33, expected a multiple"),
        (MEGATRON.replace("--seq-length 8192", ""), "m.sh", "found no --seq-length, expected"),
        (MEGATRON.replace("nnodes 4", "nnodes $N"), "m.sh", "--nnodes: found '$N', expected a"),
        (
            MEGATRON.replace("--swiglu", "--swiglu --use-tp-pp-dp-mapping"),
            "m.sh",
            "layout.order: tp-cp-ep-pp-dp: stages are 2 ranks apart, those of experts 4, expected",
        ),
        (SCRIPT.replace("([0]*1", "([1]*1"), "r.sh", "--moe-layer-freq: found '([1]*1+[1]*59)'"),
        (ROWS.replace("# tp=4 dp=2", ""), "l.csv", "found no sizes of groups"),
        (ROWS.replace("tp=4", "tp=4x"), "l.csv", "line 1: found tp=4x, expected a whole"),
        (ROWS.replace("1.5", "many"), "l.csv", "line 4: found 'many' times, expected a number"),
        (ROWS.replace("360MiB", "360MB?"), "l.csv", "flows[0].bytes: '360MB?' is no size"),
        ("\x00\xff", "b.toml", "found binary data"),
    ],
)
def test_files_of_others_are_refused_in_a_line(write, text, name, said):
    with pytest.raises(JobError) as caught:
        load(write(text, name))
    assert said.removeprefix("--nnodes") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_none_is_told_the_nearest():
    with pytest.raises(JobError, match="nearest: llama-3-405b"):
        load("llama-3-405")


@pytest.mark.parametrize("change", ["layout.tp", "tp=3", "layout.tp=x", "name.tp=3"])
def test_changes_that_are_none_are_refused(write, change):
    with pytest.raises(JobError):
        load(write(JOB), [change])


def test_experts_that_do_not_divide_and_ranks_beyond_bounds_are_refused():
    with pytest.raises(JobError, match="expected a divisor of 128 experts"):
        load("qwen3-235b", ["layout.ep=96", "layout.dp=48", "batch.sequences=768"])
    with pytest.raises(JobError, match="expected at most 1,048,576"):
        load("llama-3-405b", ["layout.dp=65536", "batch.sequences=65536"])


def test_the_schema_speaks_of_every_table():
    assert {"Job", "Model", "Layout", "Flow", "Compute"} <= set(schema()["$defs"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "found an empty file, expected a job"),
        ('{"format": "commplan/schedule/1"}', "found a schedule, expected a job"),
        ("# a list\ntp,all_reduce,1,2", "line 2: found 'tp,all_reduce,1,2', expected group,coll"),
        ("# \x07", "line 1"),
        (" \n", "found an empty file, expected a job"),
        (JOB.replace("layers = 4", "layers = 1000000"), "model.layers: expected 'int' <= 100000"),
        (
            MEGATRON.replace("tensor-model-parallel-size 2", "tensor-model-parallel-size 0"),
            "layout.tp: expected 'int' >= 1",
        ),
        (
            f"{MEGATRON.strip()} --moe-ffn-hidden-size 0 --moe-shared-expert-intermediate-size 8",
            "model.expert: found 0",
        ),
        (f"{MEGATRON.strip()} --noop-layers", "--noop-layers: found '', expected whole numbers"),
        (AICB.replace("pp: 2", "pp: 0"), "line 1: found all_gpus 32, expected a multiple"),
        ("\n" + AICB.replace("gpus: 32", "gpus: 31"), "line 2: found all_gpus 31"),
        (AICB.replace("4096", "9" * 20), "flows\\[4\\].bytes: expected 'int' <="),
        ("# tp=2\n" + ROWS, "line 2: found tp=4, expected 2 as before"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(write, text, fault):
    with pytest.raises(JobError, match=fault):
        load(write(text))


def test_lines_may_end_and_fields_be_apart_as_others_write_them(write, tmp_path):
    (tmp_path / "crlf.sh").write_bytes(MEGATRON.replace("\n", "\r\n").encode())
    assert world(load(str(tmp_path / "crlf.sh")).layout) == 32
    assert len(load(write(ROWS.replace(",collective,bytes", ", collective, bytes"))).flows) == 2
