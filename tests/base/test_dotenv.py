import pytest

from connect_mcp.base.dotenv import value_in
from connect_mcp.base.errors import Refused

FORMS = {
    "plain": ("NAME=value", "value"),
    "with blanks around it": ("  NAME =  value  ", "value"),
    "exported": ("export NAME=value", "value"),
    "with blanks in it": ("NAME=a b  c", "a b  c"),
    "with a comment": ("NAME=value # why", "value"),
    "with a sign of a comment in it": ("NAME=a#b", "a#b"),
    "nothing but a comment": ("NAME= # none", ""),
    "empty": ("NAME=", ""),
    "with an equals sign": ("NAME=a=b==", "a=b=="),
    "with a dollar": ("NAME=a$b$", "a$b$"),
    "in double quotes": ('NAME="a # \\"b\\" \\\\ \\$x" # why', 'a # "b" \\ $x'),
    "in double quotes, with what is no escape": ('NAME="a\\qb"', "a\\qb"),
    "in single quotes, as it stands": ("NAME='a\\n\"${B}'", 'a\\n"${B}'),
    "in backquotes": ('NAME=`it\'s "so"`', 'it\'s "so"'),
    "over several lines": ('NAME="a\nb"\nB=c', "a\nb"),
    "with an escaped line end": ('NAME="a\\nb"', "a\nb"),
    "with Windows' line ends": ("A=1\r\nNAME=value\r\nB=2\r\n", "value"),
    "behind a byte order mark": ("\ufeffNAME=value", "value"),
    "the last of several": ("NAME=a\nNAME=b\n", "b"),
    "commented out": ("#NAME=a\n # NAME=b", None),
    "in the text of another": ("OTHER=\"x\nNAME=a\n\"\nB='\nNAME=b'", None),
    "the end of another's name": ("MY_NAME=a\nNAMES=b", None),
    "no line with it": ("\n\nwhatever\n", None),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_usual_forms_are_understood(form: str) -> None:
    text, value = FORMS[form]
    assert value_in(text, "NAME", "/x/.env") == value


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\nNAME=${OTHER}\n", 2), ('\n\nNAME="x${OTHER}"', 3), ("A='\n'\nNAME=\"a", 3), ('A="planted', 1)],
)
def test_what_programs_do_not_agree_on_is_refused_with_its_line_and_unseen(text: str, line: int) -> None:
    with pytest.raises(Refused) as refusal:
        value_in(text, "NAME", "/x/.env")
    assert str(refusal.value.place) == f"/x/.env:{line}"
    assert "planted" not in str(refusal.value)
