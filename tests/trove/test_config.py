"""The control plane's options: what they accept, that each is used, and that none is an agent's."""

import io
from pathlib import Path

import pytest
from oslo_config import cfg, generator

from common.errors import Invalid
from trove import config
from troveguest import oslo_options

CHECKOUT = Path(__file__).resolve().parents[2]


def names(sections: list) -> set[tuple[str, str]]:
    return {(section, option.name) for section, options in sections for option in options}


def test_no_option_belongs_to_both_sides() -> None:
    control, guest = names(config.list_opts()), names(oslo_options.list_opts())
    assert control and guest
    assert control & guest == set()


@pytest.mark.parametrize("package", ["troveguest", "common"])
def test_no_option_of_ours_is_declared_on_the_agents_side(package: str) -> None:
    sources = "".join(file.read_text() for file in (CHECKOUT / package).rglob("*.py"))
    assert "register_opt" not in sources and "trove.config" not in sources


def test_defaults_are_right_for_one_machine(tmp_path: Path) -> None:
    conf = config.load([tmp_path / "trove.conf"])
    assert (conf.bind_host, conf.bind_port, conf.auth_strategy) == ("127.0.0.1", 8779, "noauth")
    assert (conf.broker.host, conf.database.connection, conf.provider.name) == ("", "", "local")


def test_a_file_sets_options(tmp_path: Path) -> None:
    file = tmp_path / "trove.conf"
    file.write_text("[DEFAULT]\nbind_port = 9000\ntrove_volume_support = false\n[broker]\nhost = mq.example.org\n")
    conf = config.load([file])
    assert (conf.bind_port, conf.trove_volume_support, conf.broker.host) == (9000, False, "mq.example.org")


@pytest.mark.parametrize(("text", "sentence"), [
    ("[DEFAULT]\nbind_port = many\n",
     "Option bind_port in section [DEFAULT] of FILE cannot be used: invalid literal for int() with base 10: 'many'."),
    ("[DEFAULT]\nmax_accepted_volume_size = 0\n",
     "Option max_accepted_volume_size in section [DEFAULT] of FILE cannot be used: "
     "Should be greater than or equal to 1."),
    ("[broker]\nport = 99999\n",
     "Option port in section [broker] of FILE cannot be used: Should be less than or equal to 65535."),
    ("[DEFAULT]\nauth_strategy = none\n",
     "Option auth_strategy in section [DEFAULT] of FILE cannot be used: Valid values are [noauth, "
     "token, keystone], but found 'none'."),
    ("[DEFAULT]\ntrusted_proxies = 127.0.0.1, proxy.example.org\n",
     "Option trusted_proxies in section [DEFAULT] of FILE cannot be used: proxy.example.org is not IPv4 or IPv6 "
     "address."),
    ("[DEFAULT]\nno assignment\n",
     "FILE cannot be read: FILE:2, No ':' or '=' found in assignment: 'no assignment'."),
])
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "trove.conf"
    file.write_text(text)
    with pytest.raises(Invalid) as caught:
        config.load([file])
    assert caught.value.message == sentence.replace("FILE", str(file))


def test_the_sample_file_is_the_present_one() -> None:
    """As ``oslo-config-generator`` writes it."""
    asked, written = cfg.ConfigOpts(), io.StringIO()
    generator.register_cli_opts(asked)
    asked(["--namespace", "trove", "--wrap-width", "110"], default_config_files=[])
    generator.generate(asked, written)
    assert (CHECKOUT / "docs" / "reference" / "trove.conf.sample").read_text() == written.getvalue()
