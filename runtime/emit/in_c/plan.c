/* The plan, made by commplan: figures for any size. */

static const char collective[] = "all_reduce", topology[] = "one rank";
enum { ROOT = -1, REDUCES = 1, PROCESSES = 1, BLOCKS = 1, PIECES = 1 };
enum { LEAD = 2, MOST_LEAD = 8, PHASES = 1 };
static const double busbw_factor = 0.0, chunks_square = 0.0, chunks_linear = 0.0,
    chunks_steady = 0.0, chunks_most = 512;
static const Int parts = 1;
static const int ranks[] = {0};
static const Int sizes[] = {1};
static const Run layout[] = {{0, IN, 0, 1, 1}, {0, OUT, 0, 1, 1}, {-1, 0, 0, 0, 0}};
static const Piece pieces[] = {{0, 0, 1}};
static const Kept kept[] = {{0, 0}, {-1, 0}};
static const Transfer transfers[] = {{-1, 0, 0, 0, 0, 0, 0, 0, 0}};
