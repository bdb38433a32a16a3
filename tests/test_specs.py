"""Specs: those that ship are sound, and every fault of another is told, all at once."""

import hashlib
import re
import tomllib

import pytest

from bayescod.errors import SpecError, UnknownNameError
from bayescod.laws import LAWS
from bayescod.programs.space import program_of, site_shapes
from bayescod.spec_reading import PROGRAM_SITES, laws_of, wanted_sites
from bayescod.specs import load_spec, parse_spec, spec_folder, spec_names
from tests._ladders import program_data

NAMES = spec_names()
ABLATIONS = ("no-guess", "no-ceiling", "power-law")


def text_of(name):
    return (spec_folder() / f"{name}.toml").read_text(encoding="utf-8")


def edited(name, old, new):
    text = text_of(name)
    changed = re.sub(old, new, text, count=1, flags=re.MULTILINE)
    assert changed != text, f"{old!r} is not in {name}.toml"
    return changed


def faults_of(text):
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "mine.toml")
    head, *faults = str(caught.value).splitlines()
    assert head == "mine.toml cannot be used:"
    return [fault.strip() for fault in faults]


def raw(name):
    return tomllib.loads(text_of(name))


def entries(table, under=""):
    """Every entry of a nested table by its dotted name."""
    flat = {}
    for key, value in table.items():
        nested = entries(value, f"{under}{key}.") if isinstance(value, dict) else {}
        flat |= nested or {f"{under}{key}": value}
    return flat


def differences(first, second):
    """Entries that are not the same in both specs, names and descriptions aside."""
    one, other = entries(raw(first)), entries(raw(second))
    differ = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
    return differ - {"name", "description"}


def test_the_specs_of_the_paper_its_ablations_and_what_they_are_compared_with_ship():
    assert set(NAMES) == {
        "cod",
        *(f"cod-{law}" for law in ABLATIONS),
        "cod-no-mapping",
        "cod-params-tokens",
        "end-to-end",
        "params-tokens",
        "logistic",
        "broken-power-law",
        "loss-intermediate",
        "mapping",
    }


@pytest.mark.parametrize("name", NAMES)
def test_shipped_spec_loads(name):
    spec = load_spec(name)
    assert spec.name == name
    assert spec.text == text_of(name)
    assert spec.digest == hashlib.sha256(spec.text.encode()).hexdigest()
    assert all(prior.reason and prior.source and prior.unit for prior in spec.priors.values())


@pytest.mark.parametrize("name", NAMES)
def test_spec_has_a_prior_for_every_site_and_no_other(name):
    spec = load_spec(name)
    # Run effects are normal around zero by what they are; the spec has the prior of their scale.
    structural = {"run_effect"} if spec.program == "clusters" else set()
    assert set(site_shapes(spec, program_data(spec))) == set(spec.priors) | structural


@pytest.mark.parametrize("name", NAMES)
def test_companions_of_a_spec_exist(name):
    spec = load_spec(name)
    if spec.program == "clusters":
        assert load_spec(spec.end_to_end).program == "single_curve"
        assert name == "cod-no-mapping" or load_spec(spec.mapping).program == "mapping"
    else:
        assert (spec.end_to_end, spec.mapping) == ("", "")


@pytest.mark.parametrize("law", ABLATIONS)
def test_ablations_differ_from_cod_in_the_law_alone(law):
    name = f"cod-{law}"
    assert raw(name)["law"] == law
    lost = differences("cod", name) - {"law"}
    sites = set(LAWS["eq1"].sites) - set(LAWS[law].sites)
    assert {key.split(".")[1] for key in lost} == sites | ({"c_scale"} if "c" in sites else set())
    assert not any(key in entries(raw(name)) for key in lost)


def test_cod_in_params_and_tokens_differs_from_cod_in_the_law_and_its_sites_alone():
    differ = differences("cod", "cod-params-tokens")
    assert {".".join(key.split(".")[:2]) for key in differ} == {
        "law",
        "end_to_end",
        "priors.share",
        "priors.tilt",
    }
    assert raw("cod-params-tokens")["end_to_end"] == "params-tokens"


@pytest.mark.parametrize(
    ("one", "other"), [("end-to-end", "params-tokens"), ("params-tokens", "cod-params-tokens")]
)
def test_rival_laws_say_the_same_of_what_they_have_in_common(one, other):
    """The two of the end-to-end forecast share all else; share and tilt are the same in COD."""
    same = {"share", "tilt"} if other.startswith("cod") else raw(one)["priors"].keys()
    for site in same:
        assert raw(one)["priors"][site] == raw(other)["priors"][site], site


def test_cod_without_mapping_keeps_every_cluster_of_all_items():
    assert {key.split(".")[0] for key in differences("cod", "cod-no-mapping")} == {
        "clustering",
        "filter",
        "mapping",
    }
    assert differences("cod", "cod-no-mapping") & {
        f"clustering.{key}" for key in raw("cod")["clustering"]
    } == {"clustering.method"}
    spec = load_spec("cod-no-mapping")
    assert spec.mapping == ""
    limits = raw("cod-no-mapping")["filter"]
    assert limits.pop("c_max") >= 1e9
    assert limits.pop("max_disorder") == 1.0
    assert set(limits.values()) == {0.0}


def test_no_mapping_is_not_a_mapping_of_no_name():
    """The negative control: leaving the entry out is one thing, an empty name is a slip."""
    text = edited("cod", r"^mapping = .*$", 'mapping = ""')
    assert faults_of(text) == ["mapping: got '', wanted text"]
    assert parse_spec(edited("cod", r"^mapping = .*$", "")).mapping == ""


@pytest.mark.parametrize(
    ("program", "laws"),
    [
        ("mapping", {"monotone-polynomial"}),
        ("loss_intermediate", {"logistic-in-loss"}),
        ("single_curve", set(LAWS)),
        ("clusters", {"eq1", *ABLATIONS, "params-tokens"}),
    ],
)
def test_laws_of_a_program(program, laws):
    assert set(laws_of(program)) == laws


def test_every_program_has_a_spec_and_every_law_of_one_curve_too():
    specs = [load_spec(name) for name in NAMES]
    assert {spec.program for spec in specs} == set(PROGRAM_SITES)
    assert {spec.law for spec in specs} == {law for p in PROGRAM_SITES for law in laws_of(p)}


@pytest.mark.parametrize("name", NAMES)
def test_wanted_sites_are_the_priors_of_the_shipped_spec(name):
    spec = load_spec(name)
    assert wanted_sites(spec.program, spec.law) == set(spec.priors)


@pytest.mark.parametrize(
    ("program", "law", "site", "wanted"),
    [
        ("clusters", "eq1", "c_scale", True),
        ("clusters", "no-ceiling", "c_scale", False),
        ("clusters", "no-guess", "g", False),
        ("clusters", "params-tokens", "tilt", True),
        ("single_curve", "eq1", "c_scale", False),
        ("single_curve", "eq1", "share", False),
        ("single_curve", "logistic", "b", False),
        ("single_curve", "logistic", "drift", True),
        ("loss_intermediate", "logistic-in-loss", "loss_exponent", True),
        ("mapping", "monotone-polynomial", "drift", False),
    ],
)
def test_wanted_sites_go_with_program_and_law(program, law, site, wanted):
    assert (site in wanted_sites(program, law)) == wanted


def test_a_site_without_a_prior_is_a_fault():
    text = re.sub(r"\[priors\.b\].*?(?=\n\[|\Z)", "", text_of("end-to-end"), flags=re.DOTALL)
    with pytest.raises(SpecError, match=r"priors\.b: missing"):
        parse_spec(text)


def test_a_prior_without_a_site_is_a_fault():
    text = text_of("end-to-end").replace("[priors.b]", "[priors.slope]")
    with pytest.raises(SpecError, match=r"priors\.slope: no such site"):
        parse_spec(text)


def test_a_family_that_the_program_cannot_use_is_a_fault():
    text = text_of("cod").replace('dist = "normal-given-b"', 'dist = "normal"')
    with pytest.raises(SpecError, match=r"priors\.log_a\.dist: got normal, wanted normal-given-b"):
        parse_spec(text)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("end-to-end", "monotone-polynomial"),
        ("cod", "logistic"),
        ("loss-intermediate", "eq1"),
        ("mapping", "eq1"),
    ],
)
def test_a_law_of_another_program_is_a_fault_that_lists_those_of_this_one(name, law):
    spec = load_spec(name)
    assert faults_of(edited(name, r"^law = .*$", f'law = "{law}"')) == [
        f"law: got {law!r}, wanted one of program {spec.program}: "
        + ", ".join(laws_of(spec.program))
    ]


def test_program_of_takes_the_law_and_the_degree_of_the_spec():
    assert program_of(load_spec("cod-power-law")).keywords["law"] == "power-law"
    assert program_of(load_spec("mapping")).keywords["degree"] == 4


def test_unknown_name_lists_near_ones():
    with pytest.raises(UnknownNameError, match=r"unknown model spec 'cod-powerlaw'.*cod-power-law"):
        load_spec("cod-powerlaw")


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(edited("end-to-end", r'^name = "end-to-end"', 'name = "mine"'))
    assert load_spec(path).name == "mine"
    assert load_spec(str(path)).digest == load_spec(path).digest
    assert load_spec(path).digest != load_spec("end-to-end").digest


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"name = "])
def test_a_file_that_cannot_be_read_is_a_spec_error(tmp_path, content):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError, match=re.escape(str(path))):
        load_spec(path)


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("cod", r'^program = "clusters"', 'program = "cluster"', "program: got 'cluster', wanted"),
        ("cod", r'^law = "eq1"', 'law = "eq2"', "law: got 'eq2', wanted one of program clusters"),
        ("cod", r'^law = "eq1"', "", "law: got None, wanted text"),
        ("cod", r'^law = "eq1"', 'law = "params-tokens"', "priors.share: missing"),
        ("params-tokens", r'^law = "p.*"', 'law = "eq1"', "priors.tilt: no such site"),
        ("logistic", r'^law = "logistic"', 'law = "eq1"', "priors.level: no such site"),
        ("cod", r'^name = "cod"', "name = 3", "name: got 3, wanted text"),
        ("cod", r"^description = .*$", "", "description: got None, wanted text"),
        ("cod", r"^end_to_end = .*$", "", "end_to_end: got None, wanted text"),
        ("cod", r"^mapping = .*$", "mapping = 3", "mapping: got 3, wanted text"),
        ("end-to-end", r"^name = ", 'mapping = "mapping"\nname = ', "mapping: unknown entry"),
        ("cod", r"^smallest_over_unit = .*$", "smallest_over_unit = 0", "compute.smallest_over"),
        ("cod", r"^smallest_over_unit = .*$", "unit = 1e18", "compute.unit: unknown"),
        ("cod", r"^smallest_over_unit = .*$", "unit_flops = nan", "compute.unit_flops: got nan"),
        ("cod", r"^\[compute\]\n(#.*\n)*smallest.*$", "", "compute: wanted a table"),
        ("cod", r"^warmup = \d+", "warmup = 0", "sampler.warmup: got 0, wanted a whole number"),
        ("cod", r"^warmup = \d+", "warmup = true", "sampler.warmup: got True, wanted a whole"),
        ("cod", r"^draws = \d+", "drawz = 3", "sampler.drawz: unknown"),
        ("cod", r"^draws = \d+", "", "sampler.draws: missing"),
        ("cod", r"^draws = \d+", "draws = 751", "sampler.draws: got 751, wanted an even number"),
        ("cod", r"^dense_mass = .*$", "dense_mass = 1", "sampler.dense_mass: got 1, wanted true"),
        ("cod", r"^target_accept = .*$", 'target_accept = "a"', "sampler.target_accept: got 'a'"),
        ("cod", r"^a_min = .*$", "a_min = -1", "filter.a_min: got -1, wanted a number of at least"),
        ("cod", r"^quantile = .*$", "quantile = inf", "clustering.quantile: got inf, wanted"),
        ("cod", r"^method = .*$", 'method = ""', "clustering.method: got '', wanted text"),
        ("cod", r"^name = ", 'colour = "red"\nname = ', "colour: unknown entry for program"),
        ("end-to-end", r"^name = ", "degree = 4\nname = ", "degree: unknown entry for program"),
        ("mapping", r"^degree = 4", "degree = 6", "degree: got 6, wanted 3, 4 or 5"),
        ("mapping", r"^degree = 4", "", "degree: got None, wanted 3, 4 or 5"),
        ("mapping", r'^dist = "dirichlet"', 'dist = "cauchy"', "priors.steps.dist: wanted one of"),
        ("end-to-end", r"^scale = .*$", "", "priors.log_a.scale: missing"),
        ("end-to-end", r"^scale = .*$", "scale = -1", "priors.log_a.scale: got -1, wanted a num"),
        ("end-to-end", r"^loc = .*$", "loc = nan", "priors.log_a.loc: got nan, wanted a finite"),
        ("end-to-end", r"^loc = .*$", "loc = true", "priors.log_a.loc: got True, wanted a fin"),
        ("end-to-end", r"^loc = ", "rate = 1\nloc = ", "priors.log_a.rate: unknown to normal-giv"),
        ("end-to-end", r"^reason = .*$", "", "priors.log_a.reason: wanted text"),
        ("end-to-end", r"(?s)\[priors\.log_a\].*\Z", "", "priors: wanted a table"),
    ],
)
def test_fault_is_told(name, old, new, fault):
    faults = faults_of(edited(name, old, new))
    assert any(found.startswith(fault) for found in faults), faults


def test_several_faults_are_told_together():
    text = edited("end-to-end", r"^warmup = \d+", "warmup = 0")
    text = text.replace('law = "eq1"', 'law = "eq2"').replace("loc = ", "location = ", 1)
    faults = faults_of(text)
    assert {fault.split(":")[0] for fault in faults} == {
        "law",
        "sampler.warmup",
        "priors.log_a.loc",
        "priors.log_a.location",
    }


def test_nothing_at_all_tells_everything_that_is_missing():
    faults = faults_of("")
    assert {"program", "law", "name", "description", "compute", "sampler", "priors"} <= {
        fault.split(":")[0] for fault in faults
    }
