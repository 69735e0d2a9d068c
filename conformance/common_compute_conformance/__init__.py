"""The kit that certifies a facility's connector from outside, over HTTP, requirement by requirement."""
