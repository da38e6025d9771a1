from minipose.train import course_table
from minipose.train.course_table import REPORT_ROWS


def test_a_set_that_was_not_scored_is_a_dash_and_each_score_is_under_its_set():
    scores = {"test2": {"report_score": 0.25}, "test4": {"report_score": 0.5}}
    text = course_table({"sets": scores, "mean_pose": {"test4": {"report_score": 1.125}}}, "mine").splitlines()
    assert text[0].split() == ["report_score", "test1", "test2", "test3", "test4"]
    assert text[1].split() == ["mine", "-", "0.250", "-", "0.500"]
    assert text[2].split()[-4:] == ["-", "-", "-", "1.125"]
    assert {len(line) for line in text} == {len(text[0])}
    assert any(line.split()[:3] == ["report:", "SE-Net,", "scalar"] for line in text)


def test_the_report_has_nine_rows_and_two_of_them_are_the_same():
    assert len(REPORT_ROWS) == 9 and len({*REPORT_ROWS.values()}) == 8
