"""From a program to what it does with data, and to what is wrong with it."""
