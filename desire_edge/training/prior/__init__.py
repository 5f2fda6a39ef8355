"""The head `prior`: Eq. (1) in closed form is what is believed before examples, a kernel learns from these."""
