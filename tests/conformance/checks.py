"""Counting checks: each is named by a sentence, and none hides the ones after it."""

import time
import traceback


class Checks:
    """How many checks held, and how many did not."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, sentence, holds, seen=None):
        """Counts one check; says what was seen when it does not hold."""
        if holds:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED: {sentence}" + ("" if seen is None else f"; saw {seen!r}"), flush=True)

    def equal(self, sentence, seen, expected):
        """Counts one check of a value."""
        self.that(sentence, seen == expected, f"{seen!r}, not {expected!r}")

    def refused(self, sentence, act, status, code=None, text=""):
        """Counts one check that `act` is refused as the provider refuses it."""
        from alpaca.common.exceptions import APIError

        try:
            answer = act()
        except APIError as error:
            seen = (error.status_code, str(error))
            fits = error.status_code == status and text in error.message
            if code is not None:
                fits = fits and error.code == code
            self.that(sentence, fits, seen)
        else:
            self.that(sentence, False, answer)

    def within(self, sentence, condition, seconds=10.0):
        """Counts one check that `condition` comes true in time; returns its last value."""
        until = time.monotonic() + seconds
        value = condition()
        while not value and time.monotonic() < until:
            time.sleep(0.02)
            value = condition()
        self.that(sentence, bool(value), value)
        return value

    def part(self, act):
        """Runs one part; an error in it counts as a failure, and the next part still runs."""
        try:
            act()
        except Exception:  # a part may fail in any way
            self.failed += 1
            print(f"FAILED: {act.__name__.replace('_', ' ')} ended early\n{traceback.format_exc()}", flush=True)

    def close(self):
        """Prints the closing line and returns the exit status."""
        print(f"conformance: {self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.failed == 0 and self.passed > 0 else 1
