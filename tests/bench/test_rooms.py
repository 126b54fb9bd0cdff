"""The map of the house is drawn from the imports, and shows the house as it is."""

from xml.etree import ElementTree

from bench import rooms


def test_the_picture_and_the_table_are_as_the_imports_are():
    # python -m bench.rooms writes both.
    page = rooms.PAGE.read_text(encoding="utf-8")
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.picture()
    assert rooms.TABLE.search(page)[0] == rooms.table()


def test_every_room_is_in_the_picture_right_of_all_that_it_imports():
    place = {}
    drawn = ElementTree.fromstring(rooms.picture())
    texts = [text for text in drawn if text.tag.endswith("text") and text.get("text-anchor")]
    for text in texts:
        place.setdefault(text.text, []).append(int(text.get("x")))
    for floor in rooms.FLOORS:
        graph = rooms.graph(floor)
        assert set(graph) <= set(place)
        for room, other in graph.edges:
            assert min(place[other]) < max(place[room])
