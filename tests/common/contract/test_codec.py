"""Every type of the contract comes back from the wire as it went, and every cut of it is refused."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from common import contract
from common.contract import codec, methods
from common.errors import Invalid
from common.secret import Secret

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = {inspect.IntType: (st.integers, -2**63, 2**63 - 1), inspect.FloatType: (st.floats, -1e300, 1e300)}


def values(kind: inspect.Type) -> st.SearchStrategy[object]:
    """Everything that ``kind`` takes; a type that is not here is a KeyError."""
    match kind:
        case inspect.UnionType(types=types):
            return st.one_of([values(each) for each in types])
        case inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: values(field.type) for field in fields})
        case inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=3).map(tuple)
        case inspect.DictType(value_type=value):
            return st.dictionaries(TEXT, values(value), max_size=3)
        case inspect.IntType(ge=ge, le=le) | inspect.FloatType(ge=ge, le=le):
            make, least, most = NUMBERS[type(kind)]
            return make(least if ge is None else ge, most if le is None else le)
        case inspect.EnumType(cls=enum):
            return st.sampled_from(enum)
        case inspect.CustomType(cls=cls) if cls is Secret:
            return TEXT.map(Secret)
    return {inspect.StrType: TEXT, inspect.BoolType: st.booleans(), inspect.NoneType: st.none()}[type(kind)]


KINDS = {kind for protocol in (contract.Guest, contract.Conductor) for method in methods(protocol).values()
         for kind in (*method.arguments.values(), method.result)}


@settings(max_examples=25)
@pytest.mark.parametrize("kind", sorted(KINDS, key=str), ids=str)
@given(data=st.data())
def test_what_is_written_is_what_is_read(kind: type, data: st.DataObject) -> None:
    value = data.draw(values(inspect.type_info(kind)))
    encoded = codec.encode(value)
    assert codec.decode(encoded, kind) == value
    if isinstance(value, msgspec.Struct):
        with pytest.raises(Invalid):
            codec.decode(encoded[:data.draw(st.integers(0, len(encoded) - 1))], kind)
