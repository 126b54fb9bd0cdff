import numpy as np

from runtime.simulate.station_levels import levels


def level_of_each(ways):
    message = np.repeat(np.arange(len(ways)), [len(way) for way in ways])
    marks = levels(message, np.concatenate(ways))
    assert (sum(mark.astype(int) for mark in marks) == 1).all()
    return [next(i for i, mark in enumerate(marks) if mark[row]) for row in range(len(message))]


def test_a_station_is_worked_after_all_that_lead_to_it():
    # Station 3 comes second on one way and third on the other.
    assert level_of_each([[0, 3], [1, 2, 3]]) == [0, 2, 0, 1, 2]


def test_a_circle_of_stations_takes_the_place_on_the_way():
    assert level_of_each([[0, 1], [1, 2], [2, 0, 1]]) == [0, 1, 0, 1, 0, 1, 2]
    assert level_of_each([[4, 4]]) == [0, 1]


def test_no_visits_have_no_levels():
    none = np.zeros(0, dtype=np.int64)
    assert levels(none, none) == []
