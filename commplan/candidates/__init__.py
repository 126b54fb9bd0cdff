"""From a collective and a size to the schedules that may be fastest, measured and compared.

`generate` makes them, `measure` says what each costs, `select` chooses; `races` measures many at
many sizes. A `keys.Key` says who made a candidate and how, and prints as its name.
"""
