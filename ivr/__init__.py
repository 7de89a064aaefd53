"""The telephone exchange's mind for the Social Emergency line 123."""
