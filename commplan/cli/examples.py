"""Examples of every command, which its `--help` shows below its options."""

# By the words of the command. A test holds each to the arguments and options that there are.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "": (
        "commplan compile dgx-a100 all_reduce -o sum.json",
        "commplan show sum.json --certificate",
        "commplan run sum.json --size 1MiB",
    ),
    "topologies": ("commplan topologies",),
    "topology": (
        "commplan topology cloudmatrix384 --draw machine.svg",
        "commplan topology dgx-h100:boxes=4 -o mine.toml",
        "commplan topology mine.toml --draw used.svg --used plan.json",
    ),
    "import": (
        "commplan import topo.xml -o mine.toml",
        "commplan import nccl topo.xml --hosts 4 --profile ndr -o mine.toml",
    ),
    "demand": ("commplan demand lognormal:sigma=1,seed=2 --ranks 8 -o demand.csv",),
    "bound": (
        "commplan bound torus:4x4 all_to_all",
        "commplan bound mine.toml all_gather --ranks 0-7 --json",
    ),
    "compile": (
        "commplan compile mine.toml all_reduce -o sum.json",
        "commplan compile mine.toml all_gather --size 64KiB --ranks 0-7 -o plan.json",
        "commplan compile mine.toml all_reduce --sizes 1KiB:1GiB -o set.json.gz",
    ),
    "tune": (
        "commplan tune mine.toml all_reduce --size 4KiB -o plan.json",
        "commplan tune mine.toml all_reduce --size 4KiB --fabric -o plan.json",
    ),
    "replan": (
        "commplan replan plan.json --without a0:A -o left.json",
        "commplan replan plan.json --slow a0:A=0.5 -o slower.json",
    ),
    "contingency": ("commplan contingency plan.json -o failures",),
    "upgrade": (
        "commplan upgrade mine.toml all_reduce",
        "commplan upgrade mine.toml all_reduce --to 1.5",
    ),
    "compare": ("commplan compare dgx-a100 dgx-h100 --collective all_reduce",),
    "frontier": ("commplan frontier dgx-1 all_gather",),
    "expect": (
        "commplan expect mine.toml all_reduce --sizes 1MiB:1GiB",
        "commplan expect dgx-h100 --format csv",
    ),
    "plot": (
        "commplan plot dgx-a100 dgx-h100 all_reduce -o times.svg",
        "commplan plot mine.toml all_reduce --measured log.txt -o times.svg",
    ),
    "select": (
        "commplan select mine.toml --target mpich -o tuning.json",
        "commplan select dgx-h100:boxes=2 --target nccl -o nccl_tuner.conf",
    ),
    "job": (
        "commplan job deepseek-v3",
        "commplan job job.toml cloudmatrix384 -o PLAN",
    ),
    "together": (
        "commplan together torus:4x4 --group all/4:all_gather:1MiB -o set.json",
        "commplan together --plan PLAN --kinds ep,dp -o set.json",
    ),
    "experts": ("commplan experts loads.csv --ranks 32 --slots 10 --target vllm -o experts.json",),
    "judge": (
        "commplan judge nccl.log --topology dgx-h100",
        "commplan judge times.csv --topology mine.toml --collective all_reduce",
    ),
    "fit": ("commplan fit nccl.log --topology mine.toml -o fitted.toml",),
    "calibrate": (
        "mpirun -n 8 python -m mpi4py -m commplan calibrate -o mine.toml",
        "mpirun -n 8 python -m mpi4py -m commplan calibrate --topology a.toml -o b.toml",
    ),
    "verify": ("commplan verify plan.json",),
    "show": (
        "commplan show plan.json",
        "commplan show plan.json --rank 0 --size 1MiB",
        "commplan show plan.json --certificate",
    ),
    "simulate": (
        "commplan simulate plan.json --size 1MiB",
        "commplan simulate plan.json --size 64KiB --trace timeline.json",
    ),
    "report": ("commplan report plan.json -o plan.html",),
    "emit": (
        "commplan emit plan.json --target c -o plan.c",
        "commplan emit plan.json --target mscclpp:protocol=packet -o plan-gpu.json",
    ),
    "read": ("commplan read theirs.xml --topology mine.toml -o theirs.json",),
    "run": ("commplan run plan.json --size 1MiB", "commplan run plan.json --size 1MiB --target c"),
    "doctor": ("commplan doctor",),
    "schema": ("commplan schema topology", "commplan schema schedule"),
    "completion": ('eval "$(commplan completion bash)"',),
    "fabric": ("commplan fabric up mine.toml", "commplan fabric run plan.json"),
    "fabric up": ("commplan fabric up mine.toml",),
    "fabric show": ("commplan fabric show",),
    "fabric run": ("commplan fabric run plan.json --size 1MiB",),
    "fabric mpirun": ("commplan fabric mpirun python -m mpi4py program.py",),
    "fabric down": ("commplan fabric down",),
}
