from questlog.protocols.satori.taxonomy import CORE_EVENT_NAMES


def test_the_documented_core_events_are_core_events() -> None:
    documented = {
        "adStarted",
        "adImpression",
        "appLaunched",
        "gameStarted",
        "gameFinished",
        "purchaseCompleted",
        "purchaseIntent",
        "screenViewed",
        "tutorialStarted",
        "tutorialStepCompleted",
        "achievementClaimed",
        "auctionBid",
    }
    assert documented <= CORE_EVENT_NAMES


def test_the_seeds_custom_events_are_none() -> None:
    assert not {"packageDropped", "enemySpawned", "levelCompleted"} & CORE_EVENT_NAMES


def test_no_core_event_has_a_reserved_name() -> None:
    assert not any(name.startswith("_") for name in CORE_EVENT_NAMES)
