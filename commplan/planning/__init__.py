"""From a machine and a collective to the plan that a user is given."""
