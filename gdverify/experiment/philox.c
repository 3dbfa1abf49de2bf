/* Random draws as a function of a key and a position: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011).
 *
 * One source for CUDA and HIP (compiled at run time) and for plain C (compiled by the tests).  The counter of a draw is
 *
 *     (pair of elements within the block, low 32 bits; block; number of the draw; pair, high 32 bits)
 *
 * so that no two elements of an experiment share a counter, and none depends on how blocks are put into batches.  One
 * counter gives 128 bits: two uniforms on [0, 1) of 53 bits, or two standard normals by Box and Muller's transform
 *
 *     sqrt(-2 log u) (cos(2 pi v), sin(2 pi v)),  u on (0, 1],  v on [0, 1),
 *
 * whose largest absolute value is sqrt(106 log 2) = 8.57.
 */

#if defined(__CUDACC__) || defined(__HIPCC__)
#define FUNCTION __device__ __forceinline__
#else
#include <math.h>
#define FUNCTION static inline
#endif

typedef unsigned int word;
typedef unsigned long long wide;

FUNCTION void philox(word c[4], word k0, word k1)
{
    for (int round = 0; round < 10; round++) {
        wide a = (wide)0xD2511F53u * c[0], b = (wide)0xCD9E8D57u * c[2];
        word c1 = c[1], c3 = c[3];
        c[0] = (word)(b >> 32) ^ c1 ^ k0;
        c[1] = (word)b;
        c[2] = (word)(a >> 32) ^ c3 ^ k1;
        c[3] = (word)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

FUNCTION wide bits53(word low, word high)
{
    return (((wide)high << 32) | low) >> 11;
}

FUNCTION void pair_of(int normal, wide pair, word block, word number, word k0, word k1, double *first, double *second)
{
    const double unit = 1.0 / 9007199254740992.0; /* 2^-53 */
    word c[4] = {(word)pair, block, number, (word)(pair >> 32)};
    philox(c, k0, k1);
    wide x = bits53(c[0], c[1]), y = bits53(c[2], c[3]);
    if (normal) {
        double radius = sqrt(-2.0 * log((double)(x + 1) * unit));
        double angle = 6.283185307179586 * ((double)y * unit);
        *first = radius * cos(angle);
        *second = radius * sin(angle);
    } else {
        *first = (double)x * unit;
        *second = (double)y * unit;
    }
}

/* The work of one thread: a pair of neighbours, where the block has that many. */
FUNCTION void one(double *out, wide thread, wide each, word block, word number, word k0, word k1, int normal)
{
    wide pairs = (each + 1) / 2, which = thread / pairs, pair = thread % pairs, at = which * each + 2 * pair;
    double first, second;
    pair_of(normal, pair, block + (word)which, number, k0, k1, &first, &second);
    out[at] = first;
    if (2 * pair + 1 < each)
        out[at + 1] = second;
}

#if defined(__CUDACC__) || defined(__HIPCC__)
extern "C" __global__ void fill(double *out, wide threads, wide each, word block, word number, word k0, word k1, int normal)
{
    for (wide t = blockIdx.x * (wide)blockDim.x + threadIdx.x; t < threads; t += (wide)gridDim.x * blockDim.x)
        one(out, t, each, block, number, k0, k1, normal);
}
#else
void fill(double *out, wide threads, wide each, word block, word number, word k0, word k1, int normal)
{
    for (wide t = 0; t < threads; t++)
        one(out, t, each, block, number, k0, k1, normal);
}

void words(word *c, word k0, word k1)
{
    philox(c, k0, k1);
}
#endif
