"""Values as people write them, and what becomes of them, by the catalogues that there are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Unsupported
from trove.datastores import catalogue
from trove.domain.parameters import Catalogue, Rejected

MARIADB, POSTGRESQL, REDIS = catalogue("mariadb", "10.11"), catalogue("postgresql", "15"), catalogue("redis", "7.0")
ALL = (MARIADB, POSTGRESQL, REDIS)


@pytest.mark.parametrize(("known", "name", "written", "text"), [
    (MARIADB, "max_connections", 200, "200"),
    (MARIADB, "max-connections", "200", "200"),
    (MARIADB, "MAX_ALLOWED_PACKET", "64M", "67108864"),
    (MARIADB, "max_allowed_packet", "1g", "1073741824"),
    (MARIADB, "innodb_file_per_table", "off", "OFF"),
    (MARIADB, "innodb_file_per_table", True, "ON"),
    (MARIADB, "innodb_file_per_table", "1", "ON"),
    (MARIADB, "long_query_time", "0.5", "0.5"),
    (MARIADB, "long_query_time", 1e-6, "0.000001"),
    (MARIADB, "binlog_row_image", "minimal", "MINIMAL"),
    (MARIADB, "sql_mode", "no_zero_date, strict_trans_tables", "STRICT_TRANS_TABLES,NO_ZERO_DATE"),
    (MARIADB, "sql_mode", "", ""),
    (POSTGRESQL, "shared_buffers", "128MB", "16384"),
    (POSTGRESQL, "shared_buffers", 1024, "1024"),
    (POSTGRESQL, "work_mem", "4 MB", "4096"),
    (POSTGRESQL, "statement_timeout", "1min", "60000"),
    (POSTGRESQL, "autovacuum_work_mem", -1, "-1"),
    (POSTGRESQL, "enable_seqscan", "no", "off"),
    (POSTGRESQL, "random_page_cost", "1.10", "1.1"),
    (POSTGRESQL, "default_transaction_isolation", "Repeatable Read", "repeatable read"),
    (REDIS, "maxmemory", "100mb", "104857600"),
    (REDIS, "maxmemory", "2m", "2000000"),
    (REDIS, "maxmemory_policy", "allkeys-lru", "allkeys-lru"),
    (REDIS, "notify-keyspace-events", "KEA", "AKE"),
    (REDIS, "appendonly", False, "no"),
    (REDIS, "save", "", ""),
])
def test_a_value_as_the_server_tells_it(known: Catalogue, name: str, written: Any, text: str) -> None:
    [found] = known.canonical({name: written}).values()
    assert found == text


@pytest.mark.parametrize(("known", "name", "written", "said"), [
    (MARIADB, "max_connections", 9, "max_connections cannot be '9'. Give a whole number from 10 to 100000."),
    (MARIADB, "max_connections", "many", "Give a whole number from 10 to 100000."),
    (MARIADB, "max_connections", "", "Give a whole number from 10 to 100000."),
    (MARIADB, "max_allowed_packet", "65537", "a multiple of 1024"),
    (MARIADB, "sql_mode", "STRICT_TRANS_TABLES,NONSENSE", "Give some of REAL_AS_FLOAT, PIPES_AS_CONCAT"),
    (MARIADB, "binlog_row_image", "HUGE", "Give one of MINIMAL, NOBLOB, FULL"),
    (MARIADB, "innodb_file_per_table", "perhaps", "Give ON or OFF."),
    (MARIADB, "datadir", "/", "it is a part of what the instance is made of"),
    (MARIADB, "no_such", "1", "mariadb 10.11 has no parameter 'no_such'."),
    (MARIADB, "long_query_time", "nan", "Give a number from 0 to 31536000."),
    (POSTGRESQL, "shared_buffers", "1kB", "(in 8kB)"),
    (POSTGRESQL, "search_path", "a\nb", "printable characters"),
    (REDIS, "maxmemory", "0", "from 1048576"),
    (REDIS, "save", "3600", "pairs of seconds and changes"),
    (REDIS, "notify-keyspace-events", "Ag", "letters: A or some of"),
])
def test_what_is_refused_with_what_could_be_given(known: Catalogue, name: str, written: Any, said: str) -> None:
    with pytest.raises(Rejected) as refused:
        known.canonical({name: written})
    assert said in refused.value.sentence()


def test_a_parameter_twice_in_two_spellings() -> None:
    with pytest.raises(Rejected, match="max_connections is given twice"):
        MARIADB.canonical({"max_connections": 100, "Max-Connections": 100})


@pytest.mark.parametrize(("known", "name", "most"), [
    (MARIADB, "innodb_buffer_pool_size", "409M"), (POSTGRESQL, "shared_buffers", "256MB"),
    (REDIS, "maxmemory", "384mb")])
def test_more_memory_than_a_flavor_has(known: Catalogue, name: str, most: str) -> None:
    assert known.canonical({name: most}, 512)
    with pytest.raises(Rejected, match="more than a server with 500 MB can carry"):
        known.canonical({name: most}, 500)


def test_a_version_without_data_has_that_of_the_one_before() -> None:
    assert catalogue("mariadb", "10.11.99").parameters.keys() == MARIADB.parameters.keys()
    assert catalogue("redis", "6.2").parameters.keys() == REDIS.parameters.keys()
    with pytest.raises(Unsupported):
        catalogue("no-such", "1")


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.engine)
def test_whatever_can_be_set_says_what_it_takes(known: Catalogue) -> None:
    for each in known.parameters.values():
        if not each.refused:
            assert "None" not in known.allowed(each), each
            assert each.kind not in ("enum", "set") or len(each.choices) > 1, each


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.engine)
def test_what_an_instance_has_by_itself_can_be_set(known: Catalogue) -> None:
    for memory in (256, 1024, 65536):
        ours = known.ours(memory, 20 << 30)
        assert known.canonical(ours, memory) == ours
        assert ours.items() <= known.defaults(memory, 20 << 30).items()


@given(st.data())
def test_what_is_canonical_stays_as_it_is(data: st.DataObject) -> None:
    known = data.draw(st.sampled_from(ALL))
    parameter = data.draw(st.sampled_from([each for each in known.parameters.values() if not each.refused]))
    written = data.draw(st.one_of(
        st.text(max_size=20), st.booleans(), st.integers(-10, 2**64), st.floats(),
        st.from_regex(r"[0-9]{1,6}(k|K|M|MB|kB|gb|min|s|%)?", fullmatch=True),
        st.lists(st.sampled_from(parameter.choices or ("",)), max_size=4).map(",".join)))
    try:
        [text] = known.canonical({parameter.name: written}).values()
    except Rejected as refused:
        assert refused.message.endswith(".") and refused.hint.endswith(".")
        return
    assert known.canonical({parameter.name: text}) == {parameter.name: text}
