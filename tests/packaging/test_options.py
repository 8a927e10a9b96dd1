"""Options are read from files, refused with a remedy, and mean the same to oslo.config."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from common.errors import Invalid
from common.secret import Secret
from troveguest import options, oslo_options


class Default(Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="What it is called.")]
    debug: Annotated[bool, Meta(description="Says more.")] = False
    interval: Annotated[float, Meta(description="Seconds between reports.", ge=0.5)] = 30.0
    mode: Annotated[Literal["fast", "safe"], Meta(description="How.")] = "safe"


class Bus(Struct, frozen=True, kw_only=True):
    port: Annotated[int, Meta(description="TCP port of the broker.", ge=1, le=65535)] = 5671
    password: Annotated[Secret, Meta(description="Of the login.")] = Secret("")


class Options(Struct, frozen=True, kw_only=True):
    default: Default
    bus: Bus


def _file(directory: Path, text: str, name: str = "10-a.conf") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def _read(*files: Path) -> Options:
    found, unknown = options.read(Options, files)
    assert unknown == []
    return found


def test_every_type_is_read(tmp_path: Path) -> None:
    found = _read(_file(tmp_path, """\
# A comment.
[DEFAULT]
name = "two words"
debug = YES
interval: 2.5
mode = fast

[bus]
port = 5672
password = a$$b
"""))
    assert found.default == Default(name="two words", debug=True, interval=2.5, mode="fast")
    assert found.bus.port == 5672
    assert found.bus.password.reveal() == "a$b"


def test_what_is_not_set_has_its_default(tmp_path: Path) -> None:
    assert _read(_file(tmp_path, "[DEFAULT]\nname = n\n")) == Options(default=Default(name="n"), bus=Bus())


def test_a_directory_is_read_in_name_order_after_the_files(tmp_path: Path) -> None:
    directory = tmp_path / "conf.d"
    directory.mkdir()
    _file(directory, "[DEFAULT]\nname = second\n", "20-b.conf")
    _file(directory, "[DEFAULT]\nname = first\ndebug = true\n", "10-a.conf")
    _file(directory, "[DEFAULT]\nname = no\n", "30-c.conf.bak")
    _file(directory, "[DEFAULT]\nname = hidden\n", ".40-d.conf")
    single = _file(tmp_path, "[DEFAULT]\nname = single\ninterval = 7\n", "single.conf")
    files = options.configuration_files([single], [directory])
    assert [file.name for file in files] == ["single.conf", "10-a.conf", "20-b.conf"]
    found = _read(*files)
    assert (found.default.name, found.default.debug, found.default.interval) == ("second", True, 7.0)


def test_unknown_options_and_sections_are_reported(tmp_path: Path) -> None:
    file = _file(tmp_path, "[DEFAULT]\nname = n\nnmae = x\n[buss]\nport = 1\n")
    found, unknown = options.read(Options, [file])
    assert found.bus.port == 5671
    assert len(unknown) == 2
    assert f"{file}, section [DEFAULT], option nmae" in unknown[0] and "debug" in unknown[0]
    assert "[buss]" in unknown[1] and "DEFAULT, bus" in unknown[1]


@pytest.mark.parametrize(("text", "words"), [
    ("[DEFAULT]\nname = n\n[bus]\nport = 70000\n", ["[bus]", "port", "'70000'", "at least 1 and at most 65535"]),
    ("[DEFAULT]\nname = n\n[bus]\nport =\n", ["port", "whole number"]),
    ("[DEFAULT]\nname = n\n[bus]\nport = 1.0\n", ["port", "whole number"]),
    ("[DEFAULT]\nname = n\ndebug = maybe\n", ["debug", "true or false"]),
    ("[DEFAULT]\nname = n\ninterval = nan\n", ["interval", "a number at least 0.5"]),
    ("[DEFAULT]\nname = n\nmode = slow\n", ["mode", "one of fast, safe"]),
    ("[DEFAULT]\nname = $host\n", ["name", "$$"]),
    ("[DEFAULT]\ndebug = 1\n", ["[DEFAULT]", "name", "What it is called."]),
    ("name = n\n", ["line 1", "[DEFAULT]"]),
    ("[DEFAULT]\nname\n", ["line 2", "name = value"]),
    ("[DEFAULT]\nname = a\n  b\n", ["line 3", "first column"]),
    ("[DEFAULT] # no\nname = a\n", ["line 1", "ends with ]"]),
])
def test_a_bad_file_gives_a_sentence_with_place_and_remedy(tmp_path: Path, text: str, words: list[str]) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(Invalid) as refusal:
        options.read(Options, [file])
    for word in [str(file), *words]:
        assert word in refusal.value.sentence()
    assert refusal.value.hint


def test_a_secret_is_in_no_sentence(tmp_path: Path) -> None:
    file = _file(tmp_path, "[DEFAULT]\nname = n\n[bus]\npassword = hunter$2\n")
    with pytest.raises(Invalid) as refusal:
        options.read(Options, [file])
    assert "hunter" not in refusal.value.sentence()
    assert "hunter" not in repr(_read(_file(tmp_path, "[DEFAULT]\nname = n\n[bus]\npassword = hunter\n")))


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        options.read(Options, [tmp_path / "none.conf"])
    with pytest.raises(Invalid, match="cannot be read"):
        options.configuration_files([], [tmp_path / "none.d"])


def test_a_type_that_oslo_config_lacks_is_refused_at_declaration() -> None:
    class Bad(Struct):
        when: dict[str, str]

    class Root(Struct):
        default: Bad

    with pytest.raises(TypeError, match="when"):
        options.declared(Root)


def test_the_sample_has_every_option_and_reads_as_the_defaults(tmp_path: Path) -> None:
    text = oslo_options.sample(Options)
    switched_on = "\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line
                            for line in text.splitlines()).replace("name =", "name = n")
    assert _read(_file(tmp_path, switched_on)) == Options(default=Default(name="n"), bus=Bus())


WORDS = st.one_of(
    st.sampled_from(["true", "No", "1", "0", "on", "5671", "65536", "-3", "1e3", "inf", "nan", "1_0", "0x10", "a,b,,",
                     ",", "''", '"', '"a', "'a'b'", "$$", "$name", "${bus.port}", "\\$x", "fast", "FAST", "a;b",
                     "a # b", "%(x)s", "x:y=z"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=12),
    st.integers().map(str), st.floats().map(str),
)
LINES = st.one_of(
    st.tuples(st.sampled_from(["name", "debug", "interval", "mode", "port", "password", "other"]),
              st.sampled_from(["=", " = ", ":", " : "]), WORDS).map("".join),
    st.sampled_from(["[DEFAULT]", "[bus]", "[BUS]", "[default]", "[other]", "", "# x", ";x", "  y",
                     "[bus] x", "[]", "word", "= x"]),
)


@given(texts=st.lists(st.lists(LINES, max_size=6), min_size=1, max_size=2))
def test_oslo_config_reads_the_same_from_every_file_that_is_accepted(
        texts: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("oslo_config")
    directory = tmp_path_factory.mktemp("both")
    for number, lines in enumerate(texts):
        _file(directory, "\n".join(["[DEFAULT]", "name = n", *lines]) + "\n", f"{number}.conf")
    try:
        ours, _ = options.read(Options, options.configuration_files([], [directory]))
    except Invalid:
        return
    assert _theirs(directory) == _plain(ours)


@given(text=WORDS, option=st.sampled_from(["debug", "interval", "mode", "port", "password"]))
def test_oslo_config_accepts_each_value_that_is_accepted_here(
        text: str, option: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("oslo_config")
    section = "bus" if option in ("port", "password") else "DEFAULT"
    directory = tmp_path_factory.mktemp("both")
    _file(directory, f"[DEFAULT]\nname = n\n[{section}]\n{option} = {text}\n")
    try:
        ours, _ = options.read(Options, options.configuration_files([], [directory]))
    except Invalid:
        return
    assert _theirs(directory) == _plain(ours)


def _plain(found: Options) -> dict[str, object]:
    plain = {**msgspec.structs.asdict(found.default), **msgspec.structs.asdict(found.bus)}
    return {**plain, "password": found.bus.password.reveal()}


def _theirs(directory: Path) -> dict[str, object]:
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    for section, opts in oslo_options.export(Options):
        conf.register_opts(opts, group=None if section == "DEFAULT" else section)
    conf(["--config-dir", str(directory)], project="test", default_config_files=[], default_config_dirs=[])
    names = [*(field.name for field in msgspec.structs.fields(Default))]
    return {**{name: conf[name] for name in names}, "port": conf.bus.port, "password": conf.bus.password}
