"""Which matter people's words give: on sentences that nothing was tuned on, and how it is told."""

from __future__ import annotations

import pytest

from manage.told_score import of_pack, proposed, score, sentences
from tianmu.city.matter.telling import Telling
from tianmu.city.pack import load
from tianmu.facts.report import Report
from tianmu.manage.intake import Policy
from tianmu.manage.signals.heard import from_person
from tianmu.manage.signals.proposed import Proposals
from tianmu.manage.signals.vocabulary import Vocabulary

WORDS = {
    "bench": ("bench", "长椅"),
    "lamp": ("street light", "路灯"),
    "cover": ("井盖&不见",),
    "storm": ("雨水井盖&不见",),
    "smoke": ("冒烟",),
    "hill": ("山上冒烟",),
    "tree": ("树&倒",),
    "fire": ("大火",),
    "smell": ("异味", "smell of gas"),
}
TELLING = load("liyang").telling


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary(WORDS, {"bench", "lamp"}, {"smell": ("异味",)}, TELLING)


def known(words: Vocabulary, text: str) -> str:
    return next((key for key, sure in words.matters(text)[:1] if sure >= Policy().certain), "")


def test_of_sentences_that_nobody_tuned_on() -> None:
    found = score(of_pack, sentences("test"))
    assert found.told >= 60 and found.foreign >= 20, found
    assert found.wrong / found.told <= 0.04, found
    assert found.three / found.fitting >= 0.8, found
    assert found.known / found.fitting >= 0.7, found


def test_of_other_hands_that_nobody_tuned_on() -> None:
    judged = score(of_pack, sentences("hands_test"))
    assert judged.told >= 80 and judged.foreign >= 15, judged
    assert judged.wrong / judged.told <= 0.05, judged
    offered = score(proposed, sentences("hands_test"))
    assert offered.three > judged.three, "sounds and likeness add nothing"
    assert (offered.known, offered.wrong) == (judged.known, judged.wrong), "they decide nothing"


def test_things_of_the_catalogue_in_another_matter() -> None:
    found = score(of_pack, sentences("foreign_tuning"))
    assert found.told >= 60, found
    assert found.wrong / found.told <= 0.05, found


@pytest.mark.parametrize(
    "text",
    [
        "有人把书落在公园长椅上了",
        "Somebody left some books on a bench",
        "Thank you for mending the broken street light so quickly",
        "感谢师傅把坏了的路灯修好了",
        "The benchmark is broken",
    ],
)
def test_a_thing_that_is_only_named_is_no_matter(words: Vocabulary, text: str) -> None:
    assert known(words, text) == ""


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("公园长椅的木条断了两根", "bench"),
        ("Two benches by the river are broken", "bench"),
        ("路灯三天没亮了", "lamp"),
        ("The street lights are out", "lamp"),
        ("昨天还在的井盖今天不见了", "cover"),
        ("雨水井盖不见了", "storm"),
        ("南边山上冒烟了", "hill"),
        ("路灯坏了，请尽快处理，感谢！", "lamp"),
        ("公园长椅断了，麻烦派人看看，非常感谢", "bench"),
        ("The street light is broken, please mend it, thanks for your help", "lamp"),
    ],
)
def test_what_is_wrong_with_it_makes_it_one(words: Vocabulary, text: str, matter: str) -> None:
    assert known(words, text) == matter


def test_a_longer_word_silences_the_shorter_one_within_it(words: Vocabulary) -> None:
    assert words.matters("南边山上冒烟了") == [("hill", 1.0)]
    assert {key for key, _ in words.matters("山上冒烟，楼里也冒烟")} == {"hill", "smoke"}


@pytest.mark.parametrize(
    "text",
    [
        "没有冒烟",
        "楼里没冒烟",
        "楼里没看到冒烟",
        "没有再冒烟了",
        "刚才楼里冒烟，现在已扑灭",
        "路灯没有坏",
        "路灯坏了，已经修好",
        "没有异味，也没有冒烟",
        "树没有倒",
        "There is no smell of gas",
        "The street light is not broken any more",
        "The street light was broken and works again",
    ],
)
def test_what_is_denied_or_over_is_spoken_of_but_no_matter(words: Vocabulary, text: str) -> None:
    assert words.matters(text) != []
    assert known(words, text) == ""


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("没看见明火，但是一直冒烟", "smoke"),
        ("楼里冒烟，没有人管", "smoke"),
        ("没有人来管，楼里一直冒烟", "smoke"),
        ("是不是冒烟了", "smoke"),
        ("路灯修好了又坏了", "lamp"),
        ("不是路灯，是长椅坏了", "bench"),
        ("树倒了", "tree"),
        ("屋里异味刺鼻", "smell"),
        ("No flames, there is a smell of gas", "smell"),
        ("Nobody came and the bench is still broken", "bench"),
    ],
)
def test_a_denial_reaches_no_farther_than_its_clause(
    words: Vocabulary, text: str, matter: str
) -> None:
    assert known(words, text) == matter


def test_a_title_denies_nothing_of_the_text(words: Vocabulary) -> None:
    report = Report(report="r1", at=0, channel="web", title="Not urgent", text="Smell of gas here")
    assert from_person(load("liyang"), words, report).matters == (("smell", 1.0),)


def test_without_words_that_deny_none_is_denied() -> None:
    assert Vocabulary(WORDS).matters("没有冒烟") == [("smoke", 1.0)]


@pytest.mark.parametrize("text", ["山上火锅店太吵", "孩子发烧了，电瓶车停不了"])
def test_a_sign_of_fire_in_another_word_is_no_fire(text: str) -> None:
    assert known(Vocabulary.of(load("liyang")), text) not in (
        "liyang:event:fire_alarm", "liyang:event:forest_smoke"
    )  # fmt: skip


def test_what_may_be_the_same_thing_says_nothing_against_the_heavier() -> None:
    told = {"fire": ("着火",), "burning": ("垃圾桶着火",), "smoke": ("冒黑烟",)}
    text = "垃圾桶着火了，冒黑烟"
    related = {"burning": ("smoke",), "smoke": ("burning",)}
    alone = dict(Vocabulary(told, telling=TELLING).matters(text))
    together = dict(Vocabulary(told, telling=TELLING, related=related).matters(text))
    assert together["burning"] == 1.0 > alone["burning"]
    assert together["smoke"] == alone["smoke"], "the lighter one is no surer"
    assert known(Vocabulary.of(load("liyang")), text) == "liyang:event:fire_alarm"


@pytest.mark.parametrize(
    ("pack", "text", "matter"),
    [
        ("liyang", "没想到着火了", "liyang:event:fire_alarm"),
        ("liyang", "林场着火了，没人看着", "liyang:event:forest_smoke"),
        ("liyang", "后山起火了，没注意是哪里", "liyang:event:forest_smoke"),
        ("liyang", "电梯坏了，里面困着老人", "liyang:event:elevator_trapped"),
        ("liyang", "没开玩笑真的着火了", "liyang:event:fire_alarm"),
        ("liyang", "没注意锅里着火了", "liyang:event:fire_alarm"),
        ("liyang", "无锡路着火了", "liyang:event:fire_alarm"),
        ("liyang", "屋里着火，火苗都窜出来了没人管", "liyang:event:fire_alarm"),
        ("liyang", "楼上着火了，三个人救出来了，没事", "liyang:event:fire_alarm"),
        ("liyang", "污水溢出来了没人处理", "gbt30428.2-2013:event:0503"),
        ("liyang", "垃圾袋破了，垃圾散了一地", "gbt30428.2-2013:event:0110"),
        ("liyang", "门口的路灯灭了三天", "gbt30428.2-2013:component:0137"),
        ("liyang", "这一路的路灯都灭了", "gbt30428.2-2013:component:0137"),
        ("port_ellery", "I am not joking the shed is on fire", "ellery-311:hazard:F01"),
        ("port_ellery", "The sea is over the road", "ellery-311:hazard:S01"),
        ("port_ellery", "The smell of gas is over the whole street", "ellery-311:hazard:G01"),
        ("port_ellery", "I cannot stand the loud music any more", "ellery-311:service:N01"),
        ("port_ellery", "The street light isn't working", "ellery-311:service:R02"),
        ("port_ellery", "The streetlight is broken", "ellery-311:service:R02"),
    ],
)
def test_what_only_sounds_like_a_denial_is_none(pack: str, text: str, matter: str) -> None:
    assert known(Vocabulary.of(load(pack)), text) == matter


@pytest.mark.parametrize(
    ("pack", "text"),
    [
        ("liyang", "刚才楼里冒烟，现在烟散了"),
        ("liyang", "路灯下垃圾着火，已经灭了"),
        ("liyang", "电梯里的人都好，没人被困"),
        ("liyang", "楼里没着火"),
        ("liyang", "下水道没堵"),
        ("port_ellery", "The smoke isn't there any more"),
        ("port_ellery", "There was a house on fire, it is over"),
    ],
)
def test_what_is_over_or_only_named_is_no_matter_by_a_pack(pack: str, text: str) -> None:
    words = Vocabulary.of(load(pack))
    assert words.matters(text) != []
    assert known(words, text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "楼下火锅店晚上太吵",
        "楼下有人放烟火，太吵",
        "我们楼里的火箭模型不见了",
        "老人上下楼困难，希望加装电梯",
        "电梯停在一楼没人用",
        "高压线下面放风筝",
        "我们小区什么时候通燃气管道",
        "林场门口的路什么时候修",
    ],
)
def test_no_danger_is_heard_in_words_of_every_day(text: str) -> None:
    assert known(Vocabulary.of(load("liyang")), text) == ""


@pytest.mark.parametrize("text", ["楼下KTV太吵了", "楼下 ktv 晚上很吵", "吵死了，就是那家ＫＴＶ"])
def test_parts_of_two_scripts_are_heard_together(text: str) -> None:
    words = Vocabulary({"noise": ("KTV&吵",)})
    assert words.matters(text) == [("noise", 1.0)]
    assert words.matters("KTV门口的树") == []


def test_parts_that_stand_far_apart_are_no_word(words: Vocabulary) -> None:
    assert known(words, "树" + "很好看" * 3 + "倒了") == "tree"
    assert words.matters("树" + "很好看" * 10 + "倒了") == []


def test_a_word_that_only_names_is_sure_beside_something_wrong(words: Vocabulary) -> None:
    assert words.matters("有一点异味") == [("smell", 0.4)]
    assert known(words, "路灯下看书，" + "风景很好，" * 5 + "鞋坏了") == ""


@pytest.mark.parametrize(
    "text",
    [
        "路灯下面有人吵架",
        "路灯杆旁边的车坏了",
        "长椅后面臭得很",
        "They broke a bottle under the street light",
        "Something dirty is stuck behind that old bench",
    ],
)
def test_a_thing_that_says_where_something_is_is_not_what_is_wrong(
    words: Vocabulary, text: str
) -> None:
    assert known(words, text) == ""
    assert words.matters(text), "it is proposed all the same"


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("路灯坏了，旁边的人都看不见路", "lamp"),
        ("路灯下面那盏路灯不亮了", "lamp"),
        ("长椅旁边的路灯坏了", "lamp"),
        ("The street light beside the bench is broken", "lamp"),
        ("The bench under the street light is broken", "bench"),
        ("大火爆炸了，快来人", "fire"),
    ],
)
def test_what_is_wrong_is_heard_beside_a_place(words: Vocabulary, text: str, matter: str) -> None:
    assert known(words, text) == matter


@pytest.mark.parametrize("text", ["这个节目大火爆", "他家今年大火爆，天天排队"])
def test_a_word_across_that_of_a_matter_tells_of_something_else(
    words: Vocabulary, text: str
) -> None:
    assert words.matters(text) == []


def test_of_sentences_that_say_where_by_the_name_of_a_thing() -> None:
    found = score(of_pack, sentences("beside_test"))
    assert found.told == 40, found
    assert found.wrong / found.told <= 0.05, found
    assert found.known / found.fitting >= 0.85, found


def test_what_sounds_so_is_proposed_and_never_sure() -> None:
    city = load("liyang")
    vocabulary = Vocabulary.of(city)
    proposals = Proposals(city, vocabulary)
    text = "我们这里的路等坏了"
    assert known(vocabulary, text) == ""
    first = proposals.of(text)[0]
    assert (first.matter, first.by) == ("gbt30428.2-2013:component:0137", "sound")
    for told in sentences("hands_test"):
        for one in proposals.of(told.text):
            assert one.by == "words" or one.sure < Policy().certain


def test_proposals_are_the_same_whichever_way_signs_are_hashed() -> None:
    city = load("port_ellery")
    proposals = Proposals(city, Vocabulary.of(city))
    found = proposals.of("someone has dumped rubish behind the garages")
    assert found == Proposals(city, Vocabulary.of(city)).of(
        "someone has dumped rubish behind the garages"
    )
    assert found[0].matter == "ellery-311:service:B02"


def test_words_of_a_telling_are_of_all_languages() -> None:
    telling = Telling(wrong={"zh": ("坏",), "en": ("broken",)})
    assert telling.words("wrong") == ("坏", "broken")
