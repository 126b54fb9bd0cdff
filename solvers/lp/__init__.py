"""Linear programs and flows: from coefficients to optimal, where possible exact, solutions."""
