# The program: diaglab.
