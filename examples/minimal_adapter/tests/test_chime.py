import synthmatch.testing


@synthmatch.testing.parametrize("chime")
def test_conformance(check):
    check()
