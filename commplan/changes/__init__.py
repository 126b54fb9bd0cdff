"""From a plan and a change of its machine to a plan for what is there then, and what it costs."""
