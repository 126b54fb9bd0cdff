import json
import random
import re
from contextlib import suppress

import pytest

from commplan.measurements.read import load_measurements
from commplan.measurements.rows import Context, LogError, Measured, medians

NCCL = """\
# Collective test starting: all_reduce_perf
# nThread 1 nGpus 2 minBytes 8 maxBytes 1048576 step: 1024(factor) iters: 20
#
# Using devices
#  Rank  0 Group  0 Pid   4711 on     node-1 device  0 [0000:07:00] Some GPU
#  Rank  1 Group  0 Pid   4711 on     node-1 device  1 [0000:0b:00] Some GPU
#
#                                    out-of-place             in-place
#  size  count  type  redop  root   time  algbw  busbw #wrong   time  algbw  busbw #wrong
#   (B)  (elem)                     (us) (GB/s) (GB/s)          (us) (GB/s) (GB/s)
   1024     256 float    sum    -1  12.50   0.08   0.08      0  12.25   0.08   0.08      0
node-1:4711:4800 [0] NCCL INFO Connected all rings
1048576  262144 float    sum    -1    N/A    N/A    N/A    N/A  40.00  26.21  26.21      0
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 8.8
"""
HCCL = """\
the minbytes is 1024, maxbytes is 2048, iters is 20, warmup_iters is 5
data_size(Bytes):    |   aveg_time(us):    |   alg_bandwidth(GB/s):   |   check_result:
1024                 |   100.5             |   0.01019                |   success
2048                 |   101.5             |   0.02018                |   success
"""
OSU = """\

# OSU MPI Allgather Latency Test v7.4
# Datatype: MPI_CHAR.
# Size       Avg Latency(us)
1                       1.50
1024                    3.25
"""
INSPECTOR = "\n".join(
    json.dumps(
        {
            "header": {"id": "0x1", "rank": 0, "n_ranks": 4, "nnodes": 1},
            "metadata": {"inspector_output_format_version": "v4.0"},
            "coll_perf": {
                "coll": name,
                "coll_sn": turn,
                "coll_msg_size_bytes": 4096,
                "coll_exec_time_us": 10 + turn,
            },
        }
    )
    for name in ("AllReduce", "AllGather")
    for turn in range(3)
)
CSV = """\
device,nccl,collective,num_gpus,elements_of_2_bytes,milliseconds
Some GPU,2.27,alltoall,4,512,0.0125
Some GPU,2.27,reduce_scatter,4,512,0.0135
"""
RUN = """\
all_reduce on two-boxes, 4 ranks, 1 MiB
  measured  1.582 ms (mpi4py, 4 processes)
  algbw     0.662712 GB/s
"""
NCCL_JSON = json.dumps(
    {
        "args": ["./build/reduce_scatter_perf", "-J", "out.json"],
        "config": {"devices": [{"rank": rank} for rank in range(4)]},
        "results": [
            {"size": 1024, "out_of_place": {"time": 12.5, "nwrong": 0}, "in_place": {"time": 9.0}},
            {"size": 2048, "out_of_place": None, "in_place": {"time": 20.0, "nwrong": None}},
        ],
    }
)
RCCL_JSON = "\n".join(
    json.dumps(
        {
            **{"#wrong": "0", "algBw": 0.05, "busBw": 0.08, "gpus": 4, "inPlace": place},
            **{"name": "AllReduce", "redop": "sum", "size": 1024, "time": time, "type": "float"},
        }
    )
    for place, time in ((0, 19.18), (1, 18.0))
)
LOGS = {"nccl-json": NCCL_JSON, "rccl-json": RCCL_JSON}
LOGS |= {"nccl": NCCL, "hccl": HCCL, "osu": OSU, "inspector": INSPECTOR, "csv": CSV, "run": RUN}


def read(tmp_path, text, name="log.txt", **given):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_measurements(file, Context(**given))


def test_nccl_tests_name_collective_and_ranks_and_in_place_times_stand_in(tmp_path):
    assert read(tmp_path, NCCL) == (
        Measured("all_reduce", 2, 1024, pytest.approx(12.5e-6), 11),
        Measured("all_reduce", 2, 1048576, pytest.approx(40e-6), 13),
    )


WRONG = {
    "nccl": NCCL.replace("0  12.25   0.08   0.08      0", "N/A  12.25   0.08   0.08  1e+03"),
    "nccl-json": NCCL_JSON.replace('"nwrong": 0', '"nwrong": 1000'),
    "rccl-json": RCCL_JSON.replace('"#wrong": "0"', '"#wrong": "1000"'),
    "hccl": HCCL.replace("success", "failed"),
    "osu": OSU.replace("3.25", "3.25      Fail"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_results_are_read_and_kept(tmp_path, name):
    rows = medians(read(tmp_path, WRONG[name], ranks=4, collective="all_reduce"))
    assert max(row.wrong for row in rows) == (1 if name in ("hccl", "osu") else 1000)
    right = medians(read(tmp_path, LOGS[name], ranks=4, collective="all_reduce"))
    assert not any(row.wrong for row in right)
    assert len(right) == len(rows)


@pytest.mark.parametrize(
    "tag",
    [
        "[1,0]<stdout>: ",
        "[prterun-node1-4711@1,0]<stdout>:",
        "Tue Dec  1 02:28:19 2026[1,0]<stdout>:",
        " 0: ",
        "[0] ",
        "2026-12-01T02:28:19.123456789Z stdout F ",
    ],
)
def test_what_launchers_put_before_lines_is_cut_off(tmp_path, tag):
    for text, given in ((NCCL, {}), (OSU, {"ranks": 4}), (HCCL, {"collective": "all_gather"})):
        tagged = "\n".join(f"{tag}{line}" for line in text.splitlines())
        own = read(tmp_path, text, **{"ranks": 2, **given})
        assert read(tmp_path, tagged, **{"ranks": 2, **given}) == own


def test_older_and_fuller_tables_are_read(tmp_path):
    old = """\
#                                         out-of-place                    in-place
#       size    count    type   redop     time  algbw  busbw  error     time  algbw  busbw  error
#        (B)  (elements)                  (us) (GB/s) (GB/s)            (us) (GB/s) (GB/s)
        1024      256   float     sum    12.50   0.08   0.08  0e+00    12.25   0.08   0.08    N/A
"""
    [row] = read(tmp_path, old, "all_reduce_perf.log", ranks=8)
    assert (row.size, row.seconds) == (1024, pytest.approx(12.5e-6))
    full = """\
# OSU MPI-CUDA Reduce_scatter Latency Test v5.9
# Size       Avg Latency(us)   Min Latency(us)   Max Latency(us)  Iterations
4                       1.50              1.25              1.75        1000
"""
    [row] = read(tmp_path, full, ranks=4)
    assert (row.collective, row.size, row.seconds) == (
        *("reduce_scatter", 4),
        pytest.approx(1.5e-6),
    )


def test_json_of_nccl_tests_and_rccl_tests(tmp_path):
    rows = read(tmp_path, NCCL_JSON)
    assert [(r.collective, r.ranks, r.size, r.seconds) for r in rows] == [
        ("reduce_scatter", 4, 1024, pytest.approx(12.5e-6)),
        ("reduce_scatter", 4, 2048, pytest.approx(20e-6)),
    ]
    assert read(tmp_path, RCCL_JSON) == (
        Measured("all_reduce", 4, 1024, pytest.approx(19.18e-6), 1),
    )


def test_messages_between_two_ranks_are_passed_over(tmp_path):
    pair = json.dumps({"header": {"n_ranks": 4}, "p2p_perf": {"p2p": "Send", "p2p_sn": 1}})
    gatherv = INSPECTOR.splitlines()[0].replace("AllReduce", "AllGatherV")
    assert len(read(tmp_path, "\n".join([pair, gatherv, INSPECTOR]))) == 6


def test_hccl_test_takes_its_collective_from_the_name_of_the_file(tmp_path):
    rows = read(tmp_path, HCCL, "all_gather_test-8.log", ranks=8)
    assert [(r.collective, r.ranks, r.size) for r in rows] == [
        ("all_gather", 8, 1024),
        ("all_gather", 8, 2048),
    ]
    assert rows[0].seconds == pytest.approx(100.5e-6)


def test_blocks_of_osu_are_counted_for_all_ranks(tmp_path):
    rows = read(tmp_path, OSU, ranks=4)
    assert [(r.collective, r.size) for r in rows] == [("all_gather", 4), ("all_gather", 4096)]
    same = read(tmp_path, OSU.replace("Allgather", "Allreduce"), ranks=4)
    assert [(r.collective, r.size) for r in same] == [("all_reduce", 1), ("all_reduce", 1024)]


def test_records_of_the_inspector_are_merged_by_their_median(tmp_path):
    rows = medians(read(tmp_path, INSPECTOR))
    assert [(r.collective, r.ranks, r.size, r.seconds) for r in rows] == [
        ("all_gather", 4, 4 * 4096, pytest.approx(11e-6)),
        ("all_reduce", 4, 4096, pytest.approx(11e-6)),
    ]


def test_columns_say_their_units(tmp_path):
    rows = read(tmp_path, CSV)
    assert [(r.collective, r.ranks, r.size) for r in rows] == [
        ("all_to_all", 4, 1024),
        ("reduce_scatter", 4, 1024),
    ]
    assert rows[0].seconds == pytest.approx(12.5e-6)


def test_our_own_tables_are_read(tmp_path):
    from bench.contest.arguments import arguments
    from bench.contest.rows import Row, Timing
    from bench.contest.tables import TABLES, About

    about = About(
        arguments("all_gather", 4, ["-b", "1K", "-e", "1K"]), "star:4", "MPI", [(1, "a")] * 4
    )
    timing = Timing(2e-5, 2e-5, 2e-5, 2e-5, 0)
    row = Row(
        *(1024, 64, "float32", "none", -1, 20, 0.75, timing, None, None),
        *(1e-5, 1e-5, "direct", 1, "core"),
    )
    for name, (head, line, end) in TABLES.items():
        text = "\n".join([*head(about), *line(about, row), *end(about, [row])])
        given = {"collective": "all_gather"} if name == "csv" else {}
        [found] = read(tmp_path, text, **given)
        assert (found.collective, found.ranks, found.size) == ("all_gather", 4, 1024), name
        assert found.seconds == pytest.approx(2e-5), name


def test_what_run_prints_is_read(tmp_path):
    assert read(tmp_path, RUN) == (Measured("all_reduce", 4, 2**20, pytest.approx(1.582e-3), 2),)


@pytest.mark.parametrize(
    ("text", "given", "says"),
    [
        ("", {}, "log.txt: found an empty file, expected a log of nccl-tests"),
        ("just words", {}, "log.txt: found text, expected a log"),
        (b"\x7fELF\x00\x01", {}, "log.txt: found binary data, expected a log"),
        (b"\x1f\x8b\x08", {}, "found data packed by gzip"),
        ('format = "commplan/topology/1"\n', {}, "found a topology"),
        (NCCL[: NCCL.index("12.50") - 1], {}, "line 11: cut off after 5 words"),
        (NCCL[: NCCL.index("   1024 ")], {}, "it ends before the first row"),
        (NCCL.replace("12.50", "a\x1bb"), {}, "line 11: found a"),
        (NCCL.replace("12.50", "0.0"), {}, "line 11: a time of 0 s, expected more than 0"),
        (NCCL.replace("12.50", "nan"), {}, "line 11: found nan"),
        (HCCL, {}, "it does not say which collective it is of; --collective does"),
        (HCCL, {"collective": "all_gather"}, "how many ranks took part"),
        (OSU.replace("Allgather", "Multi Latency"), {"ranks": 2}, "expected one of a collective"),
        (
            OSU.replace("Allgather Latency", "Bi-Directional Bandwidth"),
            {"ranks": 2},
            "OSU's Bi-Dir",
        ),
        (
            OSU.replace("Allgather Latency", "Multiple Bandwidth / Message Rate"),
            {"ranks": 2},
            "OSU's Multiple Bandwidth / Message Rate test, expected one of a collective",
        ),
        (OSU[:-10], {"ranks": 2}, "line 6: cut off after the size"),
        (INSPECTOR[:-4], {}, "line 6: damaged JSON, cut off?"),
        (re.sub("All(Gather|Reduce)", "SendRecv", INSPECTOR), {}, "it ends before the first row"),
        (NCCL_JSON[:-9], {}, "line 1: damaged JSON, cut off?"),
        (RCCL_JSON.replace("19.18", "-19"), {}, "line 1: a time of"),
        ('{"seconds": ' + "[" * 100000, {}, "deeply"),
        ('{"a": 1}', {}, "found a JSON object, expected a log"),
        ('{"seconds": 1}', {}, "line 1: an object without coll_perf, rows, or size and seconds"),
        ("SwitchName=s0 Nodes=n[0-3]\n", {}, "found a topology.conf of Slurm, expected a log"),
        (CSV[:-20], {}, "line 3: 3 values, expected 6: cut off?"),
        (CSV.replace("0.0125", "1e999"), {}, "line 2: "),
        (CSV.replace(",4,512,0.0125", ",0,512,0.0125"), {}, "line 2: 0 ranks, expected 1 to"),
    ],
)
def test_what_is_no_log_is_told_in_one_line(tmp_path, text, given, says):
    with pytest.raises(LogError) as caught:
        read(tmp_path, text, **given)
    message = str(caught.value)
    assert says in message
    assert message.count("\n") == 0
    assert message.isprintable()


@pytest.mark.parametrize("name", LOGS)
def test_damaged_logs_are_read_or_refused(tmp_path, name):
    draw = random.Random(name)
    for _ in range(300):
        data = bytearray(LOGS[name].encode())
        for _ in range(draw.randint(1, 6)):
            place = draw.randrange(len(data))
            if draw.random() < 0.3:
                del data[place:]
            data[place : place + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
            data = data or bytearray(b"#")
        with suppress(LogError):
            rows = read(tmp_path, bytes(data), collective="all_reduce", ranks=4)
            assert all(row.seconds > 0 and row.size >= 1 for row in rows)
