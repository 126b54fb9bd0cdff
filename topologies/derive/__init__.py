"""From a machine to another one: fewer ranks, ports, slower links, a part, another order."""
