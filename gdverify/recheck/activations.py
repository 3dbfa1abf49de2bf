"""Gaussian means of activations: linear forms of a Gaussian vector, Price's theorem, closed forms.

("pair", F, G, rho) is E[F(U) G(V)] for standard normal U and V with correlation rho; F and G are written in ("slot",).
Activations: what is built of constants, the variable, relu (max with 0), erf, sin, cos, tanh and exp(-k z^2), k >= 0,
by sums, products and whole powers is locally Lipschitz with a derivative of polynomial growth; steps are not.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .certificate import Checker, Step
from .letters import Letters, require
from .matrices import Word
from .pairs import SLOT
from .poly import Quot, number, total
from .terms import Malformed, Rejected, Tree, add, free, mul, neg, nodes, plug, sub

Z: Tree = ("slot",)
RELU: Tree = ("max", Fraction(0), Z)
STEP: Tree = ("call", "Heaviside", Z)
CURVED = ("erf", "sin", "cos", "tanh")
HALF = Fraction(1, 2)
MAX_POWER = 200
PI: Tree = ("const", "pi")


def is_relu(t: Tree) -> bool:
    return isinstance(t, tuple) and t[0] == "max" and len(t) == 3 and set(t[1:]) == {Fraction(0), Z}


def is_step(t: Tree) -> bool:
    """Heaviside of the variable; its value 1/2 at 0 is the value at one point."""
    return bool(t == STEP)


def varies(t: Tree) -> bool:
    return any(x == Z for x in nodes(t))


def whole_power(t: Tree) -> bool:
    return t[0] == "^" and isinstance(t[2], Fraction) and t[2].denominator == 1 and t[2] > 0


def constant(c: Checker, t: Tree) -> None:
    """Refuse what is not known to be a real number that is not random."""
    value = c.form(t)
    require(c.steady(value) and c.real(value), "not known to be a real constant")


def lipschitz(c: Checker, t: Tree, steps: bool = False) -> None:
    """Refuse what is no activation as above; ``steps``: steps may occur in sums and products."""
    if not varies(t):
        constant(c, t)
    elif t == Z or is_relu(t) or (steps and is_step(t)):
        return
    elif t[0] in ("+", "*"):
        for a in t[1:]:
            lipschitz(c, a, steps)
    elif whole_power(t):
        lipschitz(c, t[1], steps)
    elif t[0] == "call" and t[1] in CURVED and len(t) == 3:
        lipschitz(c, t[2])
    elif t[0] == "exp":
        decay(c, t)
    else:
        raise Rejected("no activation that is known to be locally Lipschitz")


def decay(c: Checker, t: Tree) -> Quot:
    """k >= 0, a constant, of exp(-k z^2)."""
    require(isinstance(t, tuple) and t[0] == "exp", "no exponential of a square")
    k = -(c.form(t[1]) * c.form(Z) ** -2)
    require(SLOT not in c.names_of(k) and c.steady(k) and c.real(k), "no exponential of -k z^2")
    found = c.sign_of(k)
    require(found is not None and found[0] >= 0, "an exponential that may grow")
    return k


def slope(t: Tree) -> Tree:
    """The derivative of a locally Lipschitz activation, almost everywhere."""
    if not varies(t):
        return Fraction(0)
    if t == Z:
        return Fraction(1)
    if is_relu(t):
        return STEP
    if t[0] == "+":
        return add(*map(slope, t[1:]))
    if t[0] == "*":
        return add(*(mul(*t[1:k], slope(t[k]), *t[k + 1 :]) for k in range(1, len(t))))
    if t[0] == "^":
        return mul(t[2], ("^", t[1], t[2] - 1), slope(t[1]))
    if t[0] == "exp":
        return mul(t, slope(t[1]))
    inner, outer = slope(t[2]), t[1]
    if outer == "erf":
        return mul(Fraction(2), ("^", PI, -HALF), ("exp", neg(("^", t[2], Fraction(2)))), inner)
    if outer == "sin":
        return mul(("call", "cos", t[2]), inner)
    if outer == "cos":
        return mul(Fraction(-1), ("call", "sin", t[2]), inner)
    if outer == "tanh":
        return mul(sub(Fraction(1), ("^", t, Fraction(2))), inner)
    raise Rejected("no derivative")


def parity(t: Tree) -> int | None:
    """1 for an even function, -1 for an odd one, None where neither is seen."""
    if not varies(t):
        return 1
    if t == Z:
        return -1
    if t[0] == "+":
        found = {parity(a) for a in t[1:]}
        return found.pop() if len(found) == 1 else None
    if t[0] == "*":
        out: int | None = 1
        for a in t[1:]:
            p = parity(a)
            out = None if out is None or p is None else out * p
        return out
    if whole_power(t):
        p = parity(t[1])
        return None if p is None else p ** int(t[2])
    if t[0] == "exp" and parity(t[1]) == 1:
        return 1
    if t[0] == "call" and t[1] in CURVED:
        p = parity(t[2])
        return 1 if p is not None and t[1] == "cos" else p
    return None


# -- a step's expressions -------------------------------------------------------------------------------------------


def pair_of(t: Tree) -> tuple[Tree, Tree, Tree]:
    require(isinstance(t, tuple) and t[0] == "pair", "no mean of two activations")
    return t[1], t[2], t[3]


def slope_of(c: Checker, t: Tree) -> tuple[Tree, Tree, str]:
    """F, G and r of d/dr ("pair", F, G, r), r a generic correlation in (-1, 1) that F and G do not know of."""
    require(isinstance(t, tuple) and t[0] == "diff", "no derivative")
    first, second, rho = pair_of(t[1])
    require(isinstance(rho, tuple) and rho[0] == "sym" and t[2] == rho, "no derivative in the correlation")
    d = c.symbols.get(rho[1])
    require(d is not None and d.generic and not d.integer, "the correlation is no generic real")
    assert d is not None
    inside = d.low == -1 and d.low_open and d.high == 1 and d.high_open
    require(inside, "the correlation does not run through (-1, 1)")
    apart(c, rho[1], first, second)
    return first, second, rho[1]


def apart(c: Checker, name: str, *trees: Tree) -> None:
    """A symbol occurs in none of the expressions, and in no domain or definition of their symbols, however deep."""
    todo, seen = set().union(*map(free, trees)), set()
    while todo:
        n = todo.pop()
        require(n != name, f"{name} is tied to the activations")
        seen.add(n)
        d = c.symbols.get(n)
        ties = [] if d is None else [e for e in (d.low, d.high, c.defines.get(n)) if e is not None]
        todo |= {x for e in ties for x in free(e)} - seen


# -- rules ----------------------------------------------------------------------------------------------------------


def pair_mean(c: Checker, s: Step) -> None:
    """E f(u) g(v) == E[f(sigma U) g(tau V)] with correlation rho, for u = a^T w and v = b^T w, w a Gaussian vector.

    The law gives the covariance C of w; a and b are constant; sigma and tau are constants proved to be positive with
    a^T C a == sigma^2, b^T C b == tau^2 and a^T C b == rho sigma tau, identically or by a premise ``using`` each.
    Of u alone: E f(u) == E[f(sigma U)], written with g = 1 and the correlation 0.
    f and g are products of activations and steps.  relu(sigma z) = sigma relu(z), and steps do not see sigma.
    """
    name = s.witness["law"]
    letters = Letters(c, [name], ("gaussian",))
    ((w, _),) = letters.random.items()
    require(not (c.shapes[w][1] - number(1)).num, "no law of a vector")
    require(s.relation == "==", "a mean is an equality")
    expr, rho = c.tree(s.witness["expr"]), c.tree(s.witness["correlation"])
    require(c.same(s.left, ("mean", expr)), "the conclusion is another mean")
    constant(c, rho)
    data = s.witness["deviations"]
    if not isinstance(data, list) or len(data) not in (1, 2):
        raise Malformed("one or two deviations are needed")
    scales = [c.tree(t) for t in data]
    for t in scales:
        require(c.positive(t), "a deviation is not proved to be positive")
        constant(c, t)
    forms: dict[Word, list[Tree]] = {}
    for t in nodes(expr):
        if isinstance(t, tuple) and t[0] == "trace":
            word = _direction(c, t, w, letters)
            if word is not None and t not in forms.setdefault(word, []):
                forms[word].append(t)
    require(len(forms) == len(scales), "as many linear forms as deviations are needed")
    require(len(forms) == 2 or not c.form(rho).num, "one linear form alone takes the correlation 0")
    equations = [c.premise(n) for n in s.witness["using"]]
    rows = letters.covariances[w][0]
    pairs = [(j, k) for k in range(len(scales)) for j in range(k + 1)]
    for order in (list(forms), list(forms)[::-1]):
        wanted = [
            c.ring(order[j] + rows + c.flip(order[k]), number(1))
            - c.form(mul(scales[j], scales[k], *([rho] if j < k else [])))
            for j, k in pairs
        ]
        if all(_holds(c, value, equations) for value in wanted):
            break
    else:
        raise Rejected("the covariances are others, or not proved")
    factors: list[list[Tree]] = [[], []]  # nothing but 1 where there is one form alone
    for factor in expr[1:] if isinstance(expr, tuple) and expr[0] == "*" else (expr,):
        mine = [k for k, word in enumerate(order) if any(x in forms[word] for x in nodes(factor))]
        require(len(mine) <= 1, "a factor that is no function of one linear form")
        k = mine[0] if mine else 0
        plain = _swapped(factor, forms[order[k]])
        if varies(plain):
            require(not any(isinstance(x, tuple) and x[0] == "trace" for x in nodes(plain)), "another trace")
            lipschitz(c, plain, steps=True)
        else:
            value = c.form(plain)
            require(letters.fixed(c, value) and c.real(value), "a factor that may be random")
        factors[k].append(_scaled(plain, scales[k]))
    expected = ("pair", mul(*factors[0]), mul(*factors[1]), rho)
    require(c.same(s.right, expected), "not the mean over two standard normal variables")


def _direction(c: Checker, t: Tree, w: int, letters: Letters) -> Word | None:
    """a^T, as a word, of a form tr(a^T w); None for a trace of constants."""
    terms = c.words(t[1])
    ((word, one),) = terms.items() if len(terms) == 1 else (((), number(0)),)
    require(bool(word) and not (one - number(1)).num and letters.known(word), "a trace that is no linear form")
    times = [k for k, x in enumerate(word) if x[0] == w]
    if not times:
        return None
    require(len(times) == 1 and not word[times[0]][2] and len(word) > 1, "a form that is not linear")
    if word[times[0]][1]:
        word = c.flip(word)
    k = next(k for k, x in enumerate(word) if x[0] == w)
    return word[k + 1 :] + word[:k]


def _holds(c: Checker, value: Quot, equations: list[Step]) -> bool:
    """Whether value == 0 identically or by one of the equations as it stands."""
    if not value.num:
        return True
    for eq in equations:
        if eq.relation == "==" and not eq.matrix:
            other = c.form(sub(eq.left, eq.right))
            if not (value - other).num or not (value + other).num:
                return True
    return False


def _swapped(t: Tree, forms: list[Tree]) -> Tree:
    if t in forms:
        return Z
    if not isinstance(t, tuple):
        return t
    return (t[0], *(a if isinstance(a, str) else _swapped(a, forms) for a in t[1:]))


def _scaled(t: Tree, s: Tree) -> Tree:
    """f(s z) for s > 0."""
    if t == Z:
        return mul(s, Z)
    if is_relu(t):
        return mul(s, RELU)
    if is_step(t) or not isinstance(t, tuple):
        return t
    return (t[0], *(a if isinstance(a, str) else _scaled(a, s) for a in t[1:]))


def price(c: Checker, s: Step) -> None:
    """d/dr E[F(U) G(V)] == E[F'(U) G'(V)] for a generic correlation r in (-1, 1) (R. Price 1958).

    F and G are activations without steps that do not depend on r; for F = G = step the value is 1/(2 pi (1-r^2)^(1/2)),
    the density at the origin.
    """
    require(s.relation == "==", "a derivative is an equality")
    first, second, r = slope_of(c, s.left)
    _open(c, s.premises, r)
    if is_step(first) and is_step(second):
        gap = sub(Fraction(1), ("^", ("sym", r), Fraction(2)))
        value = mul(HALF, ("^", PI, Fraction(-1)), ("^", gap, -HALF))
        require(_same_root(c, s.right, value, gap), "not the density at the origin")
        return
    for f in (first, second):
        lipschitz(c, f)
    expected = ("pair", slope(first), slope(second), ("sym", r))
    require(c.same(s.right, expected), "not the mean of the derivatives")


def _same_root(c: Checker, given: Tree, value: Tree, gap: Tree) -> bool:
    """Equality, 1 - r^2 > 0 being known from -1 < r < 1."""
    c.granted([(gap, ">", c.here.n)])
    same = c.same(given, value)
    c.used.discard(c.here.n)
    return same


def _open(c: Checker, numbers: Any, name: str) -> None:
    for n in numbers:
        for h in c.steps[n].hypotheses:
            fact = c.steps[h]
            require(name not in free(fact.left) | free(fact.right), f"a supposition about {name} is still open")


def pair_value(c: Checker, s: Step) -> None:
    """E[F(U) G(V)] == its value, for a constant -1 <= rho <= 1 and one of

    - F a polynomial, G polynomials times 1, relu and step: moments of U given V, then moments of V on the half-line;
    - rho = 0: E F E G for two of that second kind, or 0 where one activation is odd and the other any, or with steps;
    - exp(-a z^2) and exp(-b z^2), a, b >= 0: ((1 + 2a)(1 + 2b) - 4ab rho^2)^(-1/2).
    """
    require(s.relation == "==", "a mean is an equality")
    first, second, rho = pair_of(s.left)
    constant(c, rho)
    inside = c.nonnegative(sub(Fraction(1), rho)) and c.nonnegative(add(Fraction(1), rho))
    require(inside, "the correlation is not proved to lie in [-1, 1]")
    if all(isinstance(f, tuple) and f[0] == "exp" for f in (first, second)):
        a, b = decay(c, first), decay(c, second)
        one, two, r = number(1), number(2), c.form(rho)
        inverse_square = (one + two * a) * (one + two * b) - number(4) * a * b * r * r
        require(_inverse_root(c, s.right, inverse_square), "not the mean of two exponentials")
        return
    right = c.form(s.right)
    if not c.form(rho).num:
        for f, g in ((first, second), (second, first)):
            if parity(f) == -1 and not right.num:
                lipschitz(c, f)
                lipschitz(c, g, steps=True)
                return
        value = half_line(c, halves(c, first)) * half_line(c, halves(c, second))
        require(not c.reduced(value - right).num, "not the product of the means")
        return
    for f, g in ((first, second), (second, first)):
        whole, half = halves(c, f)
        if not half:
            value = mixed(c, whole, halves(c, g), c.form(rho))
            require(not c.reduced(value - right).num, "not the mean")
            return
    raise Rejected("no closed form for this mean")


def _inverse_root(c: Checker, t: Tree, value: Quot) -> bool:
    """Whether t is a positive number with t^2 value = 1."""
    right = c.form(t)
    return c.sign_of(right) == (1, True) and c.real(right) and not c.reduced(right * right * value - number(1)).num


Parts = dict[int, Quot]  # power of z -> coefficient


def halves(c: Checker, t: Tree) -> tuple[Parts, Parts]:
    """P and Q of P(z) + Q(z) step(z); relu(z) is z step(z), and step^2 is step."""
    if not varies(t):
        constant(c, t)
        value = c.form(t)
        return ({0: value} if value.num else {}), {}
    if t == Z:
        return {1: number(1)}, {}
    if is_relu(t):
        return {}, {1: number(1)}
    if is_step(t):
        return {}, {0: number(1)}
    if t[0] == "+":
        out: tuple[Parts, Parts] = ({}, {})
        for a in t[1:]:
            for into, more in zip(out, halves(c, a), strict=True):
                _gather(into, more)
        return out
    factors = t[1:] if t[0] == "*" else (t[1],) * int(t[2]) if whole_power(t) and t[2] <= 60 else ()
    require(bool(factors), "no polynomial in the variable, relu and step")
    out = ({0: number(1)}, {})
    for a in factors:
        (p, q), (u, v) = out, halves(c, a)
        crossed: Parts = {}
        for x, y in ((p, v), (q, u), (q, v)):
            _gather(crossed, _times(x, y))
        out = (_times(p, u), crossed)
    return out


def _gather(into: Parts, more: Parts) -> None:
    for k, v in more.items():
        value = into[k] + v if k in into else v
        if value.num:
            into[k] = value
        else:
            into.pop(k, None)


def _times(x: Parts, y: Parts) -> Parts:
    out: Parts = {}
    require(max(x, default=0) + max(y, default=0) <= MAX_POWER, "a polynomial of too high a degree")
    for j, a in x.items():
        for k, b in y.items():
            _gather(out, {j + k: a * b})
    return out


def normal_moment(k: int) -> Fraction:
    """E V^k, by E V^k = (k - 1) E V^(k-2)."""
    return Fraction(int(k == 0)) if k < 2 else (k - 1) * normal_moment(k - 2)


def half_moment(c: Checker, k: int) -> Quot:
    """E V^k 1[V > 0]: 1/2, (2 pi)^(-1/2), and (k - 1) times that of k - 2."""
    if k >= 2:
        return number(k - 1) * half_moment(c, k - 2)
    return number(HALF) if k == 0 else c.form(("^", mul(Fraction(2), PI), -HALF))


def half_line(c: Checker, parts: tuple[Parts, Parts]) -> Quot:
    """E[P(V) + Q(V) 1[V > 0]]."""
    whole, half = parts
    return total(
        [*(v * number(normal_moment(k)) for k, v in whole.items()), *(v * half_moment(c, k) for k, v in half.items())]
    )


def mixed(c: Checker, polynomial: Parts, parts: tuple[Parts, Parts], rho: Quot) -> Quot:
    """E[p(U) (P(V) + Q(V) 1[V > 0])]: given V, U is normal with mean rho V and variance 1 - rho^2."""
    given: list[Parts] = [{0: number(1)}, {1: rho} if rho.num else {}]  # E[U^k | V] as polynomials in V
    variance = number(1) - rho * rho
    for k in range(2, max(polynomial, default=0) + 1):
        moved = _times({1: rho}, given[k - 1])
        _gather(moved, {j: v * variance * number(k - 1) for j, v in given[k - 2].items()})
        given.append(moved)
    inner: Parts = {}
    for k, v in polynomial.items():
        _gather(inner, {j: v * a for j, a in given[k].items()})
    return half_line(c, (_times(inner, parts[0]), _times(inner, parts[1])))


def along_correlation(c: Checker, s: Step) -> None:
    """From d/dr E[F(U) G(V)] == h(r) and its value k at r = 0: E[F(U) G(V)] == k + H(r) - H(0), for H' = h on (-1, 1).

    Both premises hold for every correlation r in (-1, 1) and rest on no supposition.
    """
    data = s.witness["uses"]
    require(isinstance(data, list) and len(data) == 2, "a derivative and a value are needed")
    motion, start = (c.premise(n) for n in data)
    require(motion.relation == start.relation == s.relation == "==", "equalities are needed")
    require(not motion.hypotheses and not start.hypotheses, "a premise rests on a supposition")
    first, second, r = slope_of(c, motion.left)
    _open(c, s.premises, r)
    require(c.same(start.left, ("pair", first, second, Fraction(0))), "the start is the value of another mean")
    whole = c.tree(s.witness["antiderivative"])
    for t in (whole, motion.right, start.right):
        apart_but_for(c, r, t)
    require(r not in free(start.right), "the start depends on the correlation")
    c.granted([(sub(Fraction(1), ("^", ("sym", r), Fraction(2))), ">", s.n)])  # -1 < r < 1
    require(not (c.slope(c.form(whole), r) - c.form(motion.right)).num, "no antiderivative")
    value = add(start.right, whole, neg(plug(whole, {r: Fraction(0)})))
    require(c.same(s.left, ("pair", first, second, ("sym", r))) and c.same(s.right, value), "another value")
    c.used.discard(s.n)


def apart_but_for(c: Checker, name: str, t: Tree) -> None:
    """The other symbols of an expression do not know of a symbol."""
    for n in free(t) - {name}:
        apart(c, name, ("sym", n))


RULES: dict[str, Callable[[Checker, Step], None]] = {
    "pair mean": pair_mean,
    "price": price,
    "pair value": pair_value,
    "along correlation": along_correlation,
}
