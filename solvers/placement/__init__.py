"""Which rank of a machine plays which rank of a job: evaluated, searched for, and bounded."""
