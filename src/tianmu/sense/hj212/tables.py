"""Codes of HJ 212: systems, answers, marks (HJ 212-2017 tables 5, 6, 7, 8 and 9)."""

from __future__ import annotations

from tianmu.facts.batch import BAD, GOOD, MAINTENANCE, UNCERTAIN
from tianmu.facts.text import Text

SYSTEMS: dict[str, Text] = {
    "21": {"zh": "地表水质量监测", "en": "surface water quality"},
    "22": {"zh": "空气质量监测", "en": "air quality"},
    "23": {"zh": "声环境质量监测", "en": "acoustic environment"},
    "24": {"zh": "地下水质量监测", "en": "ground water quality"},
    "25": {"zh": "土壤质量监测", "en": "soil quality"},
    "26": {"zh": "海水质量监测", "en": "sea water quality"},
    "27": {"zh": "挥发性有机物监测", "en": "volatile organic compounds"},
    "31": {"zh": "大气环境污染源", "en": "air pollution source"},
    "32": {"zh": "地表水体环境污染源", "en": "surface water pollution source"},
    "33": {"zh": "地下水体环境污染源", "en": "ground water pollution source"},
    "34": {"zh": "海洋环境污染源", "en": "marine pollution source"},
    "35": {"zh": "土壤环境污染源", "en": "soil pollution source"},
    "36": {"zh": "声环境污染源", "en": "noise source"},
    "37": {"zh": "振动环境污染源", "en": "vibration source"},
    "38": {"zh": "放射性环境污染源", "en": "radioactive source"},
    "39": {"zh": "工地扬尘污染源", "en": "construction dust"},
    "41": {"zh": "电磁环境污染源", "en": "electromagnetic source"},
    "44": {"zh": "用电监测", "en": "electricity"},
    "45": {"zh": "关键工况监测", "en": "key operating condition"},
    "51": {"zh": "烟气排放过程监控", "en": "flue gas process"},
    "52": {"zh": "污水排放过程监控", "en": "waste water process"},
    "91": {"zh": "系统交互", "en": "system interaction"},
}
"""``ST`` → what is watched (table 5; 44 and 45 from the 2025 edition)."""

REQUEST_RETURNS: dict[int, Text] = {
    1: {"zh": "准备执行请求", "en": "will be executed"},
    2: {"zh": "请求被拒绝", "en": "refused"},
    3: {"zh": "PW错误", "en": "wrong PW"},
    4: {"zh": "MN错误", "en": "wrong MN"},
    5: {"zh": "ST错误", "en": "wrong ST"},
    6: {"zh": "Flag错误", "en": "wrong Flag"},
    7: {"zh": "QN错误", "en": "wrong QN"},
    8: {"zh": "CN错误", "en": "wrong CN"},
    9: {"zh": "CRC校验错误", "en": "wrong check sum"},
    100: {"zh": "未知错误", "en": "unknown error"},
}
"""``QnRtn`` of an answer 9011 (table 7)."""

EXECUTION_RETURNS: dict[int, Text] = {
    1: {"zh": "执行成功", "en": "done"},
    2: {"zh": "执行失败，原因未知", "en": "failed for unknown reasons"},
    3: {"zh": "命令请求条件错误", "en": "wrong condition"},
    4: {"zh": "通信超时", "en": "timed out"},
    5: {"zh": "系统繁忙", "en": "busy"},
    6: {"zh": "系统故障", "en": "system fault"},
    100: {"zh": "没有数据", "en": "no data"},
}
"""``ExeRtn`` of an answer 9012 (table 6)."""

MARKS: dict[str, int] = {
    "N": GOOD,
    "F": MAINTENANCE,
    "M": MAINTENANCE,
    "S": MAINTENANCE,
    "C": MAINTENANCE,
    "D": BAD,
    "B": BAD,
    "P": BAD,
    "T": UNCERTAIN,
    "0": MAINTENANCE,
    "1": GOOD,
    "2": UNCERTAIN,
    "3": GOOD,
}
"""``-Flag`` → quality. N normal, F stopped, M maintenance, S manual or set value, C calibration,
D fault, B no link between instrument and logger, T out of range (table 8); P power failure and,
for air stations, 0 calibration, 1 weather, 2 abnormal, 3 normal (HJ/T 212-2005)."""

NO_VALUE = 9999.99
"""stands for a missing value in the 2025 edition"""

PERIODS: dict[str, str] = {"2051": "minute", "2061": "hour", "2031": "day", "2041": "day"}
"""``CN`` → what a value is the statistic of; other uploads are of an instant"""

ENCRYPTED_COMMANDS = frozenset({"1014", "3020"})
"""besides 2000…2999 (HJ 212-2025 6.4.2)"""


def is_encrypted_command(cn: str) -> bool:
    """Whether the data area of a command is encrypted on an open network (2025 edition)."""
    return cn in ENCRYPTED_COMMANDS or (len(cn) == 4 and cn.startswith("2") and cn.isdigit())
