"""The spoken conversation: flows as data, their interpreter, the static Asterisk dialplan."""
