"""Worst cases: known tight values, refused certificates, mutants that change the class, the claim's own words."""

import json
from dataclasses import replace
from fractions import Fraction as Q
from pathlib import Path

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify.claim import Claim, Evidence, Mutant, Paper
from gdverify.classes import (
    bounded_below,
    convex,
    lipschitz,
    minimiser,
    polyak_lojasiewicz,
    recursion,
    smooth,
    start,
    start_gap,
    strongly_convex,
)
from gdverify.cli import main
from gdverify.decision import SureBound
from gdverify.domain import Case, Integers, Observed, Positive
from gdverify.errors import ClaimError
from gdverify.language import ScalarFunction, Vector, VectorSequence, sq
from gdverify.worstcase import (
    CertificateError,
    Problem,
    check,
    check_instance,
    check_upper,
    realise,
    run_worst_case,
)
from gdverify.worstcase.bounds import enclose
from gdverify.worstcase.certify import upper_certificate
from gdverify.worstcase.interpolation import read_class
from gdverify.worstcase.rounding import psd_witness
from gdverify.worstcase.run import state_problem
from gdverify.worstcase.solve import arrays, solve

L, mu, gamma, R, Delta = sympy.symbols("L mu gamma R Delta", positive=True)
T = sympy.Symbol("T", integer=True, positive=True)
t, k = sympy.symbols("t k", integer=True, nonnegative=True)
F, X_STAR, X, F_LOW = ScalarFunction("f"), Vector("x_star"), VectorSequence("x"), sympy.Symbol("f_low")
STEP = recursion(X(t + 1), X(t) - gamma * F.grad(X(t)))
CONVEX = (convex(F), smooth(F, L), minimiser(F, X_STAR))
STRONG = (strongly_convex(F, mu), smooth(F, L), minimiser(F, X_STAR))
PL = (polyak_lojasiewicz(F, mu, X_STAR), smooth(F, L), minimiser(F, X_STAR))
BELOW = (smooth(F, L), bounded_below(F, F_LOW))
DISTANCE, GAP = start(X(0), X_STAR, R), start_gap(F, X(0), X_STAR, Delta)
SYMBOLS = {
    L: Positive(sample=(1, 1)),
    mu: Positive(sample=(1, 1)),
    gamma: Positive(sample=(1, 1)),
    T: Integers(1, sample=(1, 5)),
    R: Observed(0, open="left"),
    Delta: Observed(0, open="left"),
}


def claim(quantity, bound, *assumptions, function=None):
    c = Claim(
        id="test.claim",
        title="a claim",
        paper=Paper("test", "Test"),
        locator="none",
        statement="none",
        symbols=SYMBOLS,
        decides=SureBound(quantity=quantity, bound=bound),
        assumptions=(*assumptions, STEP),
    )
    c.worst_case()(function or attained_minimum)
    return c


def attained_minimum(problem, case):
    f = problem.function(F)
    problem.bind(X_STAR, problem.minimiser(f))
    problem.bind(X, [problem.start()])
    problem.assume("start", "start-gap")
    problem.follow(X, case["T"])
    problem.maximise(problem.quantity())


def smallest_gradient(problem, case):
    f = problem.function(F)
    low = problem.infimum(f)
    x = problem.start()
    problem.equal(f(x) - low, problem.observe("Delta"))
    gradients = []
    for _ in range(case["T"] + 1):
        gradients.append(sq(f.grad(x)))
        x = x - case["gamma"] * f.grad(x)
    problem.maximise(*gradients)


def run(c, save_dir=None, **case):
    case = Case({"L": Q(1), "mu": Q(1, 10), "gamma": Q(1), "T": 1, **case})
    return run_worst_case(c, c.evidence[0], case, save_dir)


FUNCTION_GAP = F(X(T)) - F(X_STAR)
CONVEX_TIGHT = L * R**2 / (2 * (2 * gamma * L * T + 1))
STRONG_TIGHT = (1 - gamma * mu) ** (2 * T) * R**2
BELOW_TIGHT = 4 * Delta / (T * gamma * (4 - gamma * L) + 2 / L)


@pytest.mark.parametrize(
    ("make", "tight", "case"),
    [
        (lambda b: claim(FUNCTION_GAP, b, *CONVEX, DISTANCE), CONVEX_TIGHT, {"T": 1}),
        (lambda b: claim(FUNCTION_GAP, b, *CONVEX, DISTANCE), CONVEX_TIGHT, {"T": 2, "R": Q(3, 2)}),
        (lambda b: claim(FUNCTION_GAP, b, *CONVEX, DISTANCE), CONVEX_TIGHT, {"T": 5, "gamma": Q(1, 2)}),
        (lambda b: claim(FUNCTION_GAP, b, *CONVEX, DISTANCE), CONVEX_TIGHT, {"T": 10}),
        (lambda b: claim(sq(X(T) - X_STAR), b, *STRONG, DISTANCE), STRONG_TIGHT, {"T": 1}),
        (lambda b: claim(sq(X(T) - X_STAR), b, *STRONG, DISTANCE), STRONG_TIGHT, {"T": 3, "gamma": Q(1, 2)}),
        (lambda b: claim("least", b, *BELOW, function=smallest_gradient), BELOW_TIGHT, {"T": 1}),
        (lambda b: claim("least", b, *BELOW, function=smallest_gradient), BELOW_TIGHT, {"T": 5}),
        (lambda b: claim("least", b, *BELOW, function=smallest_gradient), BELOW_TIGHT, {"T": 2, "gamma": Q(1, 4)}),
    ],
)  # fmt: skip
def test_known_tight_values(make, tight, case):
    """0.999 of the tight value is refuted, the value itself and 1.001 of it are certified, to 1e-6."""
    below, at, above = (make(tight * c) for c in (sympy.Rational(999, 1000), 1, sympy.Rational(1001, 1000)))
    assert run(below, **case).verdict == "fail"
    exact = run(at, **case)
    assert exact.verdict == "pass", exact.message
    loose = run(above, **case)
    assert loose.verdict == "pass"
    lower, upper = loose.interval
    assert upper == pytest.approx(exact.bound, rel=1e-6)
    assert lower == pytest.approx(exact.bound, rel=2e-5)
    assert lower <= exact.bound <= upper


@pytest.mark.parametrize(("constant", "value"), [(Q(1, 10), 6 / 7), (Q(1, 2), 0.4)])
def test_pl_has_upper_bounds_and_explicit_counterexamples(constant, value, tmp_path):
    """The closed form (2L - 2mu)/(2L + mu) of one step; a curvature-mu quadratic refutes (1 - 2 gamma mu)^T."""
    good = run(claim(FUNCTION_GAP, (1 - gamma * mu) ** T * Delta, *PL, GAP), mu=constant)
    assert good.verdict == "pass" and "upper bound only" in good.message
    assert good.interval[1] == pytest.approx(value, rel=1e-6)
    bad = run(claim(FUNCTION_GAP, (1 - 2 * gamma * mu) ** T * Delta, *PL, GAP), tmp_path, mu=constant)
    assert bad.verdict == "fail"
    kind, proved = check(json.loads(Path(bad.artefact).read_text()))
    assert (kind, proved) == ("lower", (1 - constant) ** 2)


def test_dropped_assumptions_change_the_class():
    c = claim(FUNCTION_GAP, R**2 / (2 * gamma * T), *CONVEX, DISTANCE)
    assert run(c, T=4).verdict == "pass"
    for name in ("f is convex", "f is L-smooth", "start of x"):
        assert run(c.mutated(Mutant(name, drop=(name,))), T=4).verdict == "fail", name
    strong = claim(sq(X(T) - X_STAR), (1 - gamma * mu) ** T * R**2, *STRONG, DISTANCE)
    weaker = strong.mutated(Mutant("only convex", drop=("f is mu-strongly convex",), add=(convex(F),)))
    assert run(strong, T=2).verdict == "pass"
    assert run(weaker, T=2).verdict == "fail"
    flat = claim(FUNCTION_GAP, (1 - gamma * mu) ** T * Delta, *PL, GAP).mutated(Mutant("no PL", drop=("f is mu-PL",)))
    assert run(flat).verdict == "fail"


def test_diverging_step_is_refuted_and_replayed(tmp_path):
    c = claim(FUNCTION_GAP, R**2 / (2 * gamma * T), *CONVEX, DISTANCE)
    outcome = run(c, tmp_path, T=3, gamma=Q(21, 10))
    assert outcome.verdict == "fail"
    artefact = json.loads(Path(outcome.artefact).read_text())
    assert check(artefact)[1] > Q(1, 2 * 3) * Q(10, 21)
    artefact["certificate"]["values"][-1] = "100"
    with pytest.raises(CertificateError, match="violates"):
        check(artefact)


@pytest.mark.parametrize(
    ("classes", "quantity", "bound", "case"),
    [
        (CONVEX, FUNCTION_GAP, CONVEX_TIGHT, {"T": 1}),
        (CONVEX, FUNCTION_GAP, CONVEX_TIGHT, {"T": 5, "gamma": Q(1, 2), "L": Q(3, 2)}),
        (STRONG, sq(X(T) - X_STAR), STRONG_TIGHT, {"T": 2, "gamma": Q(1, 3)}),
        ((convex(F), lipschitz(F, L), minimiser(F, X_STAR)), FUNCTION_GAP, 2 * R * L, {"T": 1}),
    ],
)
def test_worst_function_is_one_that_the_method_runs_on(classes, quantity, bound, case, tmp_path):
    """Gradient descent, run on the saved worst function in floating point, ends where the certificate says."""
    outcome = run(claim(quantity, bound, *classes, DISTANCE), tmp_path, **case)
    assert outcome.verdict == "pass", outcome.message
    (path,) = tmp_path.glob("*.lower.json")
    artefact = json.loads(path.read_text())
    kind, value = check(artefact)
    (f,) = realise(artefact)
    assert kind == "lower" and f.mismatch() < 1e-5
    centre, x = f.points[0], f.points[1]
    assert f.labels[:2] == ["x_star", "x_0"] and sum((x - centre) ** 2) == pytest.approx(1, abs=1e-6)
    for _ in range(case["T"]):
        x = x - float(case.get("gamma", 1)) * f(x)[1]
    reached = f(x)[0] - f(centre)[0] if quantity is FUNCTION_GAP else sum((x - centre) ** 2)
    assert reached == pytest.approx(float(value), abs=1e-4)


def test_command_line_saves_and_replays_worst_functions(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path))
    given = ["--only", "worst-case", "--jobs", "1", "--set", "L=1", "--set", "gamma=1", "--set", "T=1"]
    assert main(["check", "handbook.gd-convex", *given]) == 0
    capsys.readouterr()
    for path in sorted((tmp_path / "artefacts").iterdir()):
        assert main(["replay", str(path)]) == 0
        said = capsys.readouterr().out
        assert "checked exactly" in said and ("on R^" in said) == (".lower." in path.name)
        assert main(["recheck", str(path)]) == 0
        forged = json.loads(path.read_text())
        forged["problem"]["rows"][0]["constant"] = "-4"
        path.write_text(json.dumps(forged))
        assert main(["replay", str(path)]) == 2


def test_subgradient_method_is_tight_and_its_bound_may_be_irrational():
    def average(problem, case):
        f = problem.function(F)
        x_star, x = problem.minimiser(f), problem.start()
        problem.bound(sq(x - x_star), problem.observe("R") ** 2)
        gaps = []
        for _ in range(case["T"]):
            gaps.append(f(x) - f(x_star))
            x = x - case["gamma"] * f.grad(x)
        problem.maximise(sum(gaps) / case["T"])

    classes = (convex(F), lipschitz(F, L), minimiser(F, X_STAR))
    bound = R**2 / (2 * gamma * T) + gamma * L**2 / 2
    assert run(claim("average", bound, *classes, function=average), T=3, gamma=Q(4, 7)).verdict == "pass"
    irrational = claim("average", R * L / sympy.sqrt(T), *classes, function=average)
    assert run(irrational, T=2, gamma=Q(7, 10)).verdict == "fail"  # 99/140 > 1/sqrt(2)
    assert run(irrational, T=2, gamma=Q(1)).verdict == "fail"


def test_proximal_gradient_on_a_sum():
    h = ScalarFunction("h")

    def proximal(problem, case):
        f, g = problem.function(F), problem.function(h)
        x_star, x = problem.minimiser(f, g), problem.start()
        problem.equal(sq(x - x_star), problem.observe("R") ** 2)
        for _ in range(case["T"]):
            x = g.proximal(x - case["gamma"] * f.grad(x), case["gamma"])
        problem.maximise(f(x) + g(x) - f(x_star) - g(x_star))

    classes = (*CONVEX, convex(h))
    assert run(claim("gap", L * R**2 / (4 * T), *classes, function=proximal), T=2).verdict == "pass"
    assert run(claim("gap", L * R**2 / (4 * T) * Q(99, 100), *classes, function=proximal), T=2).verdict == "fail"


@pytest.fixture(scope="module")
def certified():
    c = claim(FUNCTION_GAP, CONVEX_TIGHT, *CONVEX, DISTANCE)
    rows = state_problem(c, c.evidence[0], {"L": Q(1), "mu": Q(1, 10), "gamma": Q(1), "T": 3}).compile()
    a = arrays(rows)
    value, artefact = upper_certificate(rows, a, solve(a))
    return artefact["problem"], value, artefact["certificate"]


def test_perturbed_certificates_are_refused(certified):
    problem, value, certificate = certified
    assert check_upper(problem, certificate) == value >= Q(1, 14)
    refused = 0
    for i, m in enumerate(certificate["multipliers"]):
        for change in (Q(1, 1000), Q(-1, 1000)):
            multipliers = list(certificate["multipliers"])
            multipliers[i] = str(Q(m) + change)
            try:
                proved = check_upper(problem, {**certificate, "multipliers": multipliers})
            except CertificateError:
                refused += 1
            else:
                assert proved >= Q(1, 14)  # only a weaker, still true bound may go through
    assert refused >= 2 * len(certificate["multipliers"]) - 2
    lower = [line[:] for line in certificate["psd"]["lower"]]
    lower[1][0] = str(Q(lower[1][0]) + Q(1, 100))
    with pytest.raises(CertificateError, match="semidefinite"):
        check_upper(problem, {**certificate, "psd": {**certificate["psd"], "lower": lower}})
    with pytest.raises(CertificateError, match="multipliers for"):
        check_upper(problem, {**certificate, "multipliers": certificate["multipliers"][1:]})


def test_malformed_artefacts_are_refused(certified):
    problem, value, certificate = certified
    whole = {"kind": "upper", "value": str(value), "problem": problem, "certificate": certificate}
    assert check(whole) == ("upper", value)
    for change in ({"kind": "other"}, {"value": "0"}, {"value": "x"}, {"certificate": {}}, {"problem": {"rows": 3}}):
        with pytest.raises(CertificateError):
            check({**whole, **change})


def test_statements_that_lose_generality_are_refused():
    for quantity, word in ((F(X(T)), "constant"), (sq(X(T)), "moved"), (F(X(T)) * sq(X(T) - X_STAR), "linear")):
        outcome = run(claim(quantity, R**2, *CONVEX, DISTANCE))
        assert outcome.verdict == "error" and word in outcome.message
    late = claim(FUNCTION_GAP, R**2, *CONVEX, DISTANCE)
    assert run(claim(F(X(T + 1)) - F(X_STAR), R**2, *CONVEX, DISTANCE)).verdict == "error"
    assert "irrational" in run(claim(FUNCTION_GAP, R**2, smooth(F, sympy.sqrt(2) * L), DISTANCE)).message
    step = sympy.Symbol("step", positive=True)
    stepped = replace(late, defines={step: 1 / sympy.sqrt(T + 1)})
    assert Problem(stepped, {"T": 3}).value(step) == Q(1, 2)
    with pytest.raises(ClaimError, match="step is irrational at this case"):
        Problem(stepped, {"T": 1}).value(step)
    with pytest.raises(ClaimError, match="exact"):
        Problem(late, {}).start() * 0.5
    with pytest.raises(ClaimError, match="strongly convex and"):
        read_class(claim(FUNCTION_GAP, R**2, *STRONG), "f", {"L": Q(1), "mu": Q(2)})


def test_supplied_multipliers_must_be_a_certificate():
    def with_multipliers(first):
        def function(problem, case):
            attained_minimum(problem, case)
            problem.multipliers({"f: x_0 -> x_1": first, "f: x_star -> x_0": Q(1, 2), "f: x_star -> x_1": Q(1, 2),
                                 "start of x": Q(-1, 6)})  # fmt: skip

        return function

    for first, verdict in ((Q(1, 2), "pass"), (Q(1, 3), "error")):
        c = claim(FUNCTION_GAP, L * R**2 / 6, *CONVEX, DISTANCE, function=with_multipliers(first))
        assert run(c).verdict == verdict


def test_curvatures_that_coincide_leave_one_quadratic():
    c = claim(sq(X(T) - X_STAR), STRONG_TIGHT, *STRONG, DISTANCE)
    assert run(c, mu=Q(1), gamma=Q(1, 2), T=2).verdict == "pass"
    less = claim(sq(X(T) - X_STAR), STRONG_TIGHT * Q(99, 100), *STRONG, DISTANCE)
    assert run(less, mu=Q(1), gamma=Q(1, 2), T=2).verdict == "fail"


@given(st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=1, max_size=4), st.integers(-2, 3))
@settings(max_examples=60, deadline=None)
def test_psd_witness_exists_exactly_for_semidefinite_matrices(factor, shift):
    matrix = sympy.Matrix(factor).T * sympy.Matrix(factor) + shift * sympy.eye(4)
    witness = psd_witness([[Q(int(matrix[i, j])) for j in range(4)] for i in range(4)])
    assert (witness is not None) == matrix.is_positive_semidefinite
    plain = {"basis": ["a"] * 4, "vectors": [], "values": [], "rows": []}
    objective = {"gram": [], "values": [], "constant": "0"}
    if witness is not None:
        gram = [[str(matrix[i, j]) for j in range(4)] for i in range(4)]
        instance = {"gram": gram, "values": [], "psd": witness}
        assert check_instance({**plain, "objective": objective}, instance) == 0


@given(st.fractions(min_value=Q(1, 50), max_value=50), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_bounds_are_enclosed(a, n):
    low, high = enclose(sympy.sqrt(gamma) / T + T**-2, {"gamma": a, "T": n})
    assert (low - Q(1, n**2)) ** 2 * n**2 <= a <= (high - Q(1, n**2)) ** 2 * n**2
    assert high - low < Q(1, 10**40)
    assert enclose(gamma**-T / T, {"gamma": a, "T": n}) == (a**-n / n, a**-n / n)


def test_evidence_of_other_kinds_has_no_bound():
    from gdverify.decision import LimitLaw

    c = claim(FUNCTION_GAP, R**2, *CONVEX, DISTANCE)
    other = c.mutated(Mutant("none"))
    object.__setattr__(other, "decides", LimitLaw(quantity=FUNCTION_GAP, variable=T, limit=0))
    assert "no bound" in run_worst_case(other, Evidence("worst-case", "w", attained_minimum), Case({})).message
