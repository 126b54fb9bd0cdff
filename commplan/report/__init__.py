"""From a schedule to one page in HTML: the plan, why nothing is faster, what happens when."""
