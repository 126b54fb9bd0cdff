import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.formats.duplicate_keys import refuse_duplicates


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1, "a": 2}', "line 1, column 10: the key 'a' is given twice in one table"),
        ('{"b":\n [{"a": {"a": 1},\n "\\u0061" : 2}]}', "line 3, column 2: the key 'a' is given"),
        ('{"": "x", "": ":"}', "line 1, column 11: the key '' is given twice"),
    ],
)
def test_the_second_of_two_equal_keys_is_named(text, fault):
    assert isinstance(json.loads(text), dict)
    with pytest.raises(ValueError, match=f"^{fault}"):
        refuse_duplicates(text)


VALUES = st.recursive(
    st.one_of(st.integers(), st.text(st.sampled_from('":{}\\,a '), max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(VALUES, st.sampled_from([None, 1]))
def test_what_was_a_value_has_no_twins(value, indent):
    refuse_duplicates(json.dumps(value, indent=indent))
