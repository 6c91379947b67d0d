import subprocess
import sys

import pytest

from connect_mcp.base.record import field, record, replace, values


@record
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="s3cret", repr=False)

    @property
    def total(self) -> int:
        return self.x + self.y


@record
class Point3(Point):
    z: int = 0


@record
class Other:
    x: int
    y: int = 2


def test_fields_are_given_by_place_or_name_and_have_defaults() -> None:
    assert values(Point(1)) == {"x": 1, "y": 2, "tags": [], "secret": "s3cret"}
    assert values(Point(1, y=5, tags=["a"])) == {"x": 1, "y": 5, "tags": ["a"], "secret": "s3cret"}
    assert Point(1).total == 3


def test_a_default_made_by_a_factory_is_not_shared() -> None:
    assert Point(1).tags is not Point(1).tags


@pytest.mark.parametrize(
    "call", ["Point()", "Point(1, 2, [], 's', 5)", "Point(1, x=2)", "Point(1, no=2)", "Other(y=1)"]
)
def test_what_does_not_fit_is_refused(call: str) -> None:
    with pytest.raises(TypeError):
        eval(call)


def test_a_record_is_frozen() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="frozen"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del point.x
    assert point.x == 1


def test_records_of_one_type_compare_and_hash_by_value() -> None:
    assert Other(1) == Other(1)
    assert Other(1) != Other(2)
    assert Other(1).__eq__(Point(1)) is NotImplemented
    assert len({Other(1), Other(1), Other(2)}) == 2


def test_a_hidden_field_is_not_in_the_repr() -> None:
    assert repr(Point(1)) == "Point(x=1, y=2, tags=[])"


def test_a_record_that_extends_another_has_its_fields_first() -> None:
    assert list(values(Point3(1, z=9))) == ["x", "y", "tags", "secret", "z"]
    assert Point3(1).total == 3


def test_replace_gives_a_new_record() -> None:
    one = Other(1)
    assert replace(one, y=7) == Other(1, 7)
    assert one == Other(1)
    with pytest.raises(TypeError):
        replace(one, no=1)


def test_defining_records_loads_neither_dataclasses_nor_inspect() -> None:
    program = "import sys, connect_mcp.base.record; print('dataclasses' in sys.modules, 'inspect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]
