"""Enclosures of elementary functions: (low, high) rationals around f(x), for one rational x.

Each series is cut where a bound of what is left is known, and that bound is added; sums are in integers with one unit
of the last place lost to each side by every rounding.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, factorial, isqrt

Pair = tuple[Fraction, Fraction]

BITS = 128  # of a rounded number
WIDE = 288  # of the sums of series
UNIT = 1 << WIDE
LARGE = 4096  # beyond it exp is bounded by its value there (or by 0)


def down(x: Fraction, bits: int = BITS) -> Fraction:
    """The largest number of so many binary digits that is <= x; short numbers stay as they are."""
    n, d = x.numerator, x.denominator
    if n.bit_length() <= bits and d.bit_length() <= bits:
        return x
    shift = bits - n.bit_length() + d.bit_length()
    m = (n << shift) // d if shift >= 0 else n // (d << -shift)  # // rounds down for negative numbers, too
    return Fraction(m, 1 << shift) if shift >= 0 else Fraction(m << -shift)


def up(x: Fraction, bits: int = BITS) -> Fraction:
    return -down(-x, bits)


def _fixed(x: Fraction) -> tuple[int, int]:
    """x >= 0 times 2^WIDE, rounded down and up."""
    whole, rest = divmod(x.numerator << WIDE, x.denominator)
    return whole, whole + (rest > 0)


def _both(low: int, high: int) -> Pair:
    return down(Fraction(low, UNIT)), up(Fraction(high, UNIT))


def _over(a: int, b: int) -> int:
    """a / b rounded up."""
    return -(-a // b)


def exp(x: Fraction) -> tuple[Fraction, Fraction | None]:
    """None for an end that is not bounded here."""
    if x < 0:
        lower, upper = exp(-x)
        return (Fraction(0) if upper is None else down(1 / upper)), up(1 / lower)
    if x > LARGE:
        return exp(Fraction(LARGE))[0], None
    halvings = max(0, int(x).bit_length() + 6)
    low, high = _fixed(x / (1 << halvings))  # at most 2^-5
    lows, highs, a, b, k = UNIT, UNIT, UNIT, UNIT, 0
    while b > 1:
        k += 1
        a, b = a * low // (k << WIDE), _over(b * high, k << WIDE)
        lows, highs = lows + a, highs + b
    highs += 2  # what is left is at most twice the next term
    one, two = Fraction(lows, UNIT), Fraction(highs, UNIT)
    for _ in range(halvings):
        one, two = down(one * one, WIDE), up(two * two, WIDE)
    return down(one), up(two)


def log(x: Fraction) -> Pair:
    """x > 0."""
    if x < 1:
        low, high = log(1 / x)
        return -high, -low
    k = x.numerator.bit_length() - x.denominator.bit_length()
    y = x / 2**k if k >= 0 else x
    while y * 3 > 4:
        y, k = y / 2, k + 1
    a, b = _atanh(abs(y - 1) / (y + 1))
    a, b = (a, b) if y >= 1 else (-b, -a)
    c, d = _log_two()
    return (_both(2 * a + k * c, 2 * b + k * d)) if k >= 0 else _both(2 * a + k * d, 2 * b + k * c)


def _atanh(z: Fraction) -> tuple[int, int]:
    """0 <= z <= 1/3: z + z^3/3 + ..., what is left is at most 9/8 of the next term."""
    low, high = _fixed(z)
    lows, highs, a, b, k = 0, 0, low, high, 1
    while b > 1:
        lows, highs = lows + a // k, highs + _over(b, k)
        a, b, k = a * low * low >> 2 * WIDE, _over(b * high * high, UNIT * UNIT), k + 2
    return lows, highs + 2


@cache
def _log_two() -> tuple[int, int]:
    low, high = _atanh(Fraction(1, 3))
    return 2 * low, 2 * high


def _alternating(x: Fraction, first: int, weigh: bool) -> tuple[int, int]:
    """Sum of (-1)^n x^k/k! over k = first + 2n (sine, cosine), or of (-1)^n x^k/(n! k) over odd k (erf); x >= 0."""
    low, high = _fixed(x)
    a, b = (low, high) if first else (UNIT, UNIT)
    lows = highs = 0
    k, n = first, 0
    while True:
        p, q = (a // k, _over(b, k)) if weigh else (a, b)
        lows, highs = (lows + p, highs + q) if n % 2 == 0 else (lows - q, highs - p)
        n, k = n + 1, k + 2
        factor = n if weigh else k * (k - 1)
        a, b = a * low * low // (factor << 2 * WIDE), _over(b * high * high, factor << 2 * WIDE)
        if b <= 1 and factor * UNIT * UNIT > 2 * high * high:
            return lows - 2, highs + 2  # the terms fall by a half each: what is left is at most twice the next


def sin(x: Fraction) -> Pair:
    if x < 0:
        low, high = sin(-x)
        return -high, -low
    if x > 40:
        return Fraction(-1), Fraction(1)
    return _both(*_alternating(x, 1, False))


def cos(x: Fraction) -> Pair:
    if abs(x) > 40:
        return Fraction(-1), Fraction(1)
    return _both(*_alternating(abs(x), 0, False))


def erf(x: Fraction) -> Pair:
    if x < 0:
        low, high = erf(-x)
        return -high, -low
    if x > 6:
        return erf(Fraction(6))[0], Fraction(1)
    low, high = _both(*_alternating(x, 1, True))
    root = _root_of(pi())
    return down(2 * max(low, Fraction(0)) / root[1]), min(Fraction(1), up(2 * max(high, Fraction(0)) / root[0]))


def _root_of(p: Pair) -> Pair:
    return root(p[0], 2)[0], root(p[1], 2)[1]


def atan(x: Fraction) -> Pair:
    if x < 0:
        low, high = atan(-x)
        return -high, -low
    if x > 1:
        half, (low, high) = pi(), atan(1 / x)
        return down(half[0] / 2 - high), up(half[1] / 2 - low)
    low, high, times = x, x, 1
    while high * 4 > 1:  # atan y = 2 atan(y / (1 + sqrt(1 + y^2))), increasing in y
        a, b = root(1 + low * low, 2)[1], root(1 + high * high, 2)[0]
        low, high, times = down(low / (1 + a), WIDE), up(high / (1 + b), WIDE), 2 * times
    return down(times * Fraction(_atan(low)[0], UNIT)), up(times * Fraction(_atan(high)[1], UNIT))


def _atan(z: Fraction) -> tuple[int, int]:
    """0 <= z <= 1/4: z - z^3/3 + ..."""
    low, high = _fixed(z)
    lows, highs, a, b, k = 0, 0, low, high, 1
    while b > 1:
        p, q = a // k, _over(b, k)
        lows, highs = (lows + p, highs + q) if k % 4 == 1 else (lows - q, highs - p)
        a, b, k = a * low * low >> 2 * WIDE, _over(b * high * high, UNIT * UNIT), k + 2
    return lows - 2, highs + 2


@cache
def pi() -> Pair:
    """Machin: pi = 16 atan(1/5) - 4 atan(1/239)."""
    (a, b), (c, d) = _atan(Fraction(1, 5)), _atan(Fraction(1, 239))
    return _both(16 * a - 4 * d, 16 * b - 4 * c)


def root(x: Fraction, q: int) -> Pair:
    """The q-th root of x >= 0."""
    if not x:
        return x, x
    n, d = x.numerator, x.denominator
    shift = max(0, 2 * BITS - (n.bit_length() - d.bit_length()) // q)
    whole = (n << q * shift) // d
    r = isqrt(whole) if q == 2 else _integer_root(whole, q)
    exact = r**q * d == n << q * shift
    return Fraction(r, 1 << shift), Fraction(r if exact else r + 1, 1 << shift)


def _integer_root(n: int, q: int) -> int:
    r = 1 << -(-n.bit_length() // q)
    while True:
        s = ((q - 1) * r + n // r ** (q - 1)) // q
        if s >= r:
            return r
        r = s


# -- the gamma function ---------------------------------------------------------------------------------------------

FAR = 24  # arguments are shifted beyond it
TERMS = 16


@cache
def bernoulli(n: int) -> Fraction:
    if n == 0:
        return Fraction(1)
    return -sum((comb(n + 1, k) * bernoulli(k) for k in range(n)), Fraction(0)) / (n + 1)


def _shifted(x: Fraction) -> tuple[Fraction, list[Fraction]]:
    passed = [x + j for j in range(max(0, FAR - int(x)))]
    return x + len(passed), passed


def _spread(low: Fraction, high: Fraction, left: Fraction) -> Pair:
    return down(low - abs(left)), up(high + abs(left))


def loggamma(x: Fraction) -> Pair:
    """x > 0.  Stirling's series after a shift; what is left is at most the next term, for every positive argument."""
    y, passed = _shifted(x)
    term = lambda k: bernoulli(2 * k) / (2 * k * (2 * k - 1) * y ** (2 * k - 1))
    tail = sum((term(k) for k in range(1, TERMS)), -y)
    (a, b), (c, d) = log(y), pi()
    e, f = log(2 * c)[0] / 2, log(2 * d)[1] / 2
    product = Fraction(1)
    for p in passed:
        product *= p
    g, h = log(product) if passed else (Fraction(0), Fraction(0))
    half = y - Fraction(1, 2)
    return _spread(half * a + tail + e - h, half * b + tail + f - g, term(TERMS))


def polygamma(m: int, x: Fraction) -> Pair:
    """The (m+1)-th derivative of log gamma at x > 0; the asymptotic series encloses, as for log gamma."""
    y, passed = _shifted(x)
    if m == 0:
        term = lambda k: bernoulli(2 * k) / (2 * k * y ** (2 * k))
        known = -1 / (2 * y) - sum(term(k) for k in range(1, TERMS)) - sum(1 / p for p in passed)
        low, high = log(y)
        return _spread(low + known, high + known, term(TERMS))
    term = lambda k: bernoulli(2 * k) * factorial(2 * k + m - 1) / (factorial(2 * k) * y ** (2 * k + m))
    size = factorial(m - 1) / y**m + factorial(m) / (2 * y ** (m + 1)) + sum(term(k) for k in range(1, TERMS))
    size += factorial(m) * sum(1 / p ** (m + 1) for p in passed)
    low, high = _spread(size, size, term(TERMS))
    return (low, high) if m % 2 else (-high, -low)
