"""Rules for gradients, quantities along a flow, and solutions of initial value problems."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .certificate import Checker, Step, _minus
from .equals import cancel, take_value
from .matrices import Terms
from .poly import Quot, number
from .premises import ORDER, expect, put, require, steps, symbol, tree, untouched, uses
from .terms import (
    Rejected,
    Tree,
    Unknown,
    free,
    is_matrix,
    mul,
    neg,
    nodes,
    sub,
)


def gradient(c: Checker, s: Step) -> None:
    law = c.law(s.witness.get("law"), "gradient-flow", "gradient-descent")
    letter = tree(c, s, "letter")
    require(is_matrix(letter) and letter[0] in ("mat", "matterm"), "no free letter")
    at = _moment(c, law, letter)
    slope = c.gradient(c.form(put(c, law["loss"], at)), c.letter(letter))
    descent = law["kind"] == "gradient-descent"
    factor = -c.form(put(c, law["step"], at)) if descent else number(-1)
    terms: Terms = {}
    c.accumulate(terms, slope, factor)
    if descent:
        c.accumulate(terms, c.words(letter))
        after = next((b for a, b in law["successor"] if plug_matrix(c, a, at) == c.letter(letter)), None)
        require(after is not None and is_matrix(s.left), "the law names no next value")
        require(c.letter(s.left) == plug_matrix(c, after, at), "the left side is not the next value")
    else:
        require(isinstance(s.left, tuple) and s.left[0] == "ddt" and is_matrix(s.left[1]), "no derivative")
        require(c.letter(s.left[1]) == c.letter(letter), "the derivative of another letter")
    require(s.relation == "==" and is_matrix(s.right), "no matrix equation")
    require(c.same_shape(c.shape(s.right), c.shape(letter)), "the shapes differ")
    c.accumulate(terms, c.words(s.right), number(-1))
    cancel(c, {w: v for w, v in terms.items() if v.num}, steps(c, s, "using"))


def plug_matrix(c: Checker, t: Tree, values: dict[str, Tree]) -> int:
    return c.letter(put(c, t, values))


def _moment(c: Checker, law: dict[str, Any], letter: Tree) -> dict[str, Tree]:
    variable = law.get("time")
    if variable is None:
        require(any(c.letter(x) == c.letter(letter) for x in law["letters"]), "the law says nothing of this letter")
        return {}
    require(isinstance(variable, tuple) and variable[0] == "sym" and letter[0] == "matterm", "no term of a sequence")
    for x in law["letters"]:
        if x[0] == "matterm" and x[4] == variable and x[1:4] == letter[1:4]:
            whole = law["kind"] == "gradient-flow" or c.integer(letter[4])
            require(whole and c.nonnegative(letter[4]), "the law is not known to hold there")
            return {variable[1]: letter[4]}
    raise Rejected("the law says nothing of this letter")


def lie_derivative(c: Checker, s: Step) -> None:
    flow, using = steps(c, s, "flow"), steps(c, s, "using")
    require(isinstance(s.left, tuple) and s.left[0] == "ddt" and s.relation == "==", "no derivative")
    quantity = s.left[1]
    speed: dict[int, Terms] = {}
    moving: dict[int, Quot] = {}
    times = set()
    for f in flow:
        require(f.relation == "==" and isinstance(f.left, tuple) and f.left[0] == "ddt", "no equation of motion")
        x = f.left[1]
        if is_matrix(x):
            require(x[0] in ("mat", "symmat", "matterm"), "the motion of no letter")
            speed[c.letter(x)] = c.words(f.right)
            if x[0] == "matterm":
                times.add(c.form(x[4]).key())
        else:
            require(x[0] == "sym", "the motion of no symbol")
            moving[c.numbers["sym", x[1]] if ("sym", x[1]) in c.numbers else next(iter(c.form(x).num))[0][0]] = c.form(
                f.right
            )
    constants = c.constants()
    still = {c.letter(x) for x in constants if is_matrix(x)}
    fixed = {x[1] for x in constants if not is_matrix(x) and x[0] == "sym"}
    values = [f for f in using if not f.matrix]
    for f in values:
        require(isinstance(f.left, tuple) and f.left[0] == "sym", "only values of symbols may be put in")
        fixed.add(f.left[1])
    for t in nodes(quantity):
        if isinstance(t, tuple) and t[0] == "matterm" and c.letter(t) not in still:
            times.add(c.form(t[4]).key())
    require(len(times) <= 1, "letters at different times")

    def atom(k: int) -> Quot | None:
        a = c.atoms[k]
        if k in moving:
            return moving[k]
        if a.kind == "sym":
            require(a.parts[0] in fixed, f"nothing says how {a.parts[0]} moves")
            return number(0)
        if a.kind == "trace":
            terms = c.leibniz(a.parts[0], speed, still)
            return c.trace_of(terms, c.rows(a.parts[0][0]))
        if a.kind in ("num", "const", "exp", "log", "root", "pow"):
            return None
        raise Unknown(f"the motion of a {a.kind}")

    if is_matrix(quantity):
        terms: Terms = {}
        for w, v in c.words(quantity).items():
            require(not c.derive(v, atom).num, "a coefficient moves")
            c.accumulate(terms, c.leibniz(w, speed, still), v)
        if is_matrix(s.right):
            require(c.same_shape(c.shape(quantity), c.shape(s.right)), "the shapes differ")
            c.accumulate(terms, c.words(s.right), number(-1))
        else:
            require(s.right == 0, "a matrix is compared with a scalar")
        cancel(c, {w: v for w, v in terms.items() if v.num}, using)
        return
    value = c.form(quantity)
    c.rules = [r for eq in using if eq.matrix for r in c.oriented(eq.left, eq.right)]
    c.forget()
    c._memo.clear()
    difference = c.derive(value, atom) - c.form(s.right)
    require(take_value(c, difference, values), "not the derivative along the flow")


def _trajectory(c: Checker, motion: Step, time: str) -> Tree:
    """The quantity of d(quantity)/dt == ... at every time >= 0."""
    d = c.symbols[time]
    forever = d.generic and not d.integer and d.low is not None and c.zero(d.low) and not d.low_open and d.high is None
    require(forever, f"{time} is no generic time >= 0")
    moving = motion.relation == "==" and isinstance(motion.left, tuple) and motion.left[0] == "ddt"
    require(moving and not motion.hypotheses, "no derivative that holds at every time")
    quantity = motion.left[1]
    terms = [t for t in nodes(quantity) if isinstance(t, tuple) and t[0] == "matterm" and time in free(t[4])]
    require(bool(terms) and all(t[4] == ("sym", time) for t in terms), "no trajectory through the time")

    def blank(t: Tree) -> Tree:
        if not isinstance(t, tuple):
            return t
        if t[0] == "matterm" and t[4] == ("sym", time):
            return (*t[:4], Fraction(0))
        return (t[0], *(a if isinstance(a, str) else blank(a) for a in t[1:]))

    require(time not in free(blank(quantity)), "the quantity depends on the time by itself")
    return quantity


def conserved(c: Checker, s: Step) -> None:
    (motion,) = uses(c, s, 1)
    time = symbol(c, s, "time")
    quantity = _trajectory(c, motion, time)
    zero = motion.right == 0 or (is_matrix(motion.right) and not c.words(motion.right))
    require(zero, "the quantity moves")
    expect(c, s, quantity, "==", put(c, quantity, {time: Fraction(0)}))


def gronwall(c: Checker, s: Step) -> None:
    motion, decay = uses(c, s, 2)
    time, rate = symbol(c, s, "time"), tree(c, s, "rate")
    quantity = _trajectory(c, motion, time)
    value = c.form(rate)
    require(not is_matrix(quantity) and time not in free(rate) and c.steady(value) and c.real(value), "no real rate")
    require(decay.relation in ORDER and not decay.hypotheses, "no inequality that holds at every time")
    bound_ = sub(neg(mul(rate, quantity)), motion.right)
    require(c.equal(_minus(decay), bound_), "the decay is another inequality")
    start = put(c, quantity, {time: Fraction(0)})
    expect(c, s, mul(start, ("exp", neg(mul(rate, ("sym", time))))), ">=", quantity)


def solution(c: Checker, s: Step) -> None:
    law = c.law(s.witness.get("law"), "initial-value")
    time = symbol(c, s, "time")
    d = c.symbols[time]
    forever = d.generic and not d.integer and d.low == 0 and not d.low_open and d.high is None
    require(forever, f"{time} is no generic time >= 0")
    state, variable = law["state"], law["variable"]
    require(isinstance(state, tuple) and state[0] == "fun" and state[-1] == variable, "no function of time")
    require(not any(variable[1] in free(a) for a in state[2:-1]), "time occurs in an index")
    require(s.left == (*state[:-1], ("sym", time)) and s.relation == "==", "the solution of another equation")
    candidate = s.right
    calls = lambda t: any(isinstance(x, tuple) and x[:2] == state[:2] for x in nodes(t))
    require(not calls(candidate) and not calls(law["start"]), "the solution refers to the trajectory")
    inside = _swap(law["field"], state, candidate)
    require(not calls(inside) and variable[1] not in free(_swap(law["field"], state, Fraction(0))), "no fixed field")
    y = "#y"
    _polynomial(_swap(law["field"], state, ("sym", y)), y)
    value = c.form(candidate)
    require(c.real(value), "the solution is not known to be real")
    require(not (c.slope(value, time) - c.form(inside)).num, "the equation is not solved")
    require(c.equal(put(c, candidate, {time: Fraction(0)}), law["start"]), "it starts elsewhere")
    untouched(c, s.premises, time)


def _swap(t: Tree, old: Tree, new: Tree) -> Tree:
    if t == old:
        return new
    if not isinstance(t, tuple):
        return t
    return (t[0], *(a if isinstance(a, str) else _swap(a, old, new) for a in t[1:]))


def _polynomial(t: Tree, y: str) -> None:
    if y not in free(t) or t == ("sym", y):
        return
    if t[0] == "^":
        require(isinstance(t[2], Fraction) and t[2].denominator == 1 and t[2] >= 0, "the field is no polynomial")
        _polynomial(t[1], y)
        return
    require(t[0] in ("+", "*"), "the field is no polynomial")
    for a in t[1:]:
        _polynomial(a, y)
