"""The tables of GB/T 26875.3-2011: commands, type flags, system, component and analog types.

Names are {zh, en}; the Chinese is the standard's own word. Codes that a table leaves open are
``reserved`` up to 127 and ``user defined`` from 128 (clause 8).
"""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.facts.text import Text


def _table(rows: str) -> dict[int, Text]:
    table: dict[int, Text] = {}
    for row in rows.strip().splitlines():
        code, zh, en = (cell.strip() for cell in row.split("|"))
        table[int(code)] = {"zh": zh, "en": en}
    return table


RESERVED: Text = {"zh": "预留", "en": "reserved"}
USER: Text = {"zh": "用户自定义", "en": "user defined"}


def name(table: dict[int, Text], code: int) -> Text:
    """The name of ``code`` in one of the tables below, else ``RESERVED`` or ``USER``."""
    return table.get(code) or (USER if code >= 128 else RESERVED)


CONTROL, SEND, CONFIRM, REQUEST, ANSWER, DENY = 1, 2, 3, 4, 5, 6

COMMANDS = _table("""
1|控制命令|control
2|发送数据|send data
3|确认|confirm
4|请求|request
5|应答|answer
6|否认|deny
""")
"""Table 2: the command byte."""

TYPES = _table("""
1|上传建筑消防设施系统状态|facility system state
2|上传建筑消防设施部件运行状态|facility component state
3|上传建筑消防设施部件模拟量值|facility component analog value
4|上传建筑消防设施操作信息|facility operation record
5|上传建筑消防设施软件版本|facility software version
6|上传建筑消防设施系统配置情况|facility system configuration
7|上传建筑消防设施部件配置情况|facility component configuration
8|上传建筑消防设施系统时间|facility system time
21|上传用户信息传输装置运行状态|transmission unit state
24|上传用户信息传输装置操作信息|transmission unit operation record
25|上传用户信息传输装置软件版本|transmission unit software version
26|上传用户信息传输装置配置情况|transmission unit configuration
28|上传用户信息传输装置系统时间|transmission unit time
61|读建筑消防设施系统状态|read facility system state
62|读建筑消防设施部件运行状态|read facility component state
63|读建筑消防设施部件模拟量值|read facility component analog value
64|读建筑消防设施操作信息|read facility operation records
65|读建筑消防设施软件版本|read facility software version
66|读建筑消防设施系统配置情况|read facility system configuration
67|读建筑消防设施部件配置情况|read facility component configuration
68|读建筑消防设施系统时间|read facility system time
81|读用户信息传输装置运行状态|read transmission unit state
84|读用户信息传输装置操作信息记录|read transmission unit operation records
85|读用户信息传输装置软件版本|read transmission unit software version
86|读用户信息传输装置配置情况|read transmission unit configuration
88|读用户信息传输装置系统时间|read transmission unit time
89|初始化用户信息传输装置|initialise transmission unit
90|同步用户信息传输装置时钟|synchronise transmission unit clock
91|查岗命令|duty check
""")
"""Table 3: the type flag, first byte of the application data unit."""

SYSTEMS = _table("""
0|通用|general
1|火灾报警系统|fire alarm system
10|消防联动控制器|fire linkage controller
11|消火栓系统|fire hydrant system
12|自动喷水灭火系统|automatic sprinkler system
13|气体灭火系统|gas extinguishing system
14|水喷雾灭火系统(泵启动方式)|water spray system (started by pump)
15|水喷雾灭火系统(压力容器启动方式)|water spray system (started by pressure vessel)
16|泡沫灭火系统|foam extinguishing system
17|干粉灭火系统|dry powder extinguishing system
18|防烟排烟系统|smoke control and exhaust system
19|防火门及卷帘系统|fire door and shutter system
20|消防电梯|fire lift
21|消防应急广播|emergency broadcast
22|消防应急照明和疏散指示系统|emergency lighting and evacuation signs
23|消防电源|fire power supply
24|消防电话|fire telephone
""")
"""Table 4: the type of a facility system."""

COMPONENTS = _table("""
0|通用|general
1|火灾报警控制器|fire alarm control unit
10|可燃气体探测器|combustible gas detector
11|点型可燃气体探测器|point combustible gas detector
12|独立式可燃气体探测器|stand-alone combustible gas detector
13|线型可燃气体探测器|line combustible gas detector
16|电气火灾监控报警器|electrical fire alarm unit
17|剩余电流式电气火灾监控探测器|residual current electrical fire detector
18|测温式电气火灾监控探测器|temperature electrical fire detector
21|探测回路|detection loop
22|火灾显示盘|fire display panel
23|手动火灾报警按钮|manual call point
24|消火栓按钮|hydrant button
25|火灾探测器|fire detector
30|感温火灾探测器|heat detector
31|点型感温火灾探测器|point heat detector
32|点型感温火灾探测器(S型)|point heat detector (type S)
33|点型感温火灾探测器(R型)|point heat detector (type R)
34|线型感温火灾探测器|line heat detector
35|线型感温火灾探测器(S型)|line heat detector (type S)
36|线型感温火灾探测器(R型)|line heat detector (type R)
37|光纤感温火灾探测器|optical fibre heat detector
40|感烟火灾探测器|smoke detector
41|点型离子感烟火灾探测器|point ionisation smoke detector
42|点型光电感烟火灾探测器|point photoelectric smoke detector
43|线型光束感烟火灾探测器|line beam smoke detector
44|吸气式感烟火灾探测器|aspirating smoke detector
50|复合式火灾探测器|combined fire detector
51|复合式感烟感温火灾探测器|combined smoke and heat detector
52|复合式感光感温火灾探测器|combined flame and heat detector
53|复合式感光感烟火灾探测器|combined flame and smoke detector
61|紫外火焰探测器|ultraviolet flame detector
62|红外火焰探测器|infrared flame detector
69|感光火灾探测器|flame detector
74|气体探测器|gas detector
78|图像摄像方式火灾探测器|video fire detector
79|感声火灾探测器|acoustic fire detector
81|气体灭火控制器|gas extinguishing control unit
82|消防电气控制装置|fire electrical control device
83|消防控制室图形显示装置|control room graphic display
84|模块|module
85|输入模块|input module
86|输出模块|output module
87|输入/输出模块|input/output module
88|中继模块|relay module
91|消防水泵|fire pump
92|消防水箱|fire water tank
95|喷淋泵|sprinkler pump
96|水流指示器|water flow indicator
97|信号阀|signal valve
98|报警阀|alarm valve
99|压力开关|pressure switch
101|阀驱动装置|valve actuator
102|防火门|fire door
103|防火阀|fire damper
104|通风空调|ventilation and air conditioning
105|泡沫液泵|foam concentrate pump
106|管网电磁阀|pipe network solenoid valve
111|防烟排烟风机|smoke control fan
113|排烟防火阀|smoke exhaust fire damper
114|常闭送风口|normally closed air supply outlet
115|排烟口|smoke exhaust outlet
116|电控挡烟垂壁|electric smoke curtain
117|防火卷帘控制器|fire shutter control unit
118|防火门监控器|fire door monitor
121|警报装置|alarm device
""")
"""Table 5: the type of a component."""


@dataclass(frozen=True)
class Analog:
    """One row of table 6: ``value`` on the wire × 10^−``digits`` is in ``unit``."""

    property: str
    name: Text
    unit: str
    digits: int


ANALOGS: dict[int, Analog] = {
    1: Analog("event_count", {"zh": "事件计数", "en": "event count"}, "件", 0),
    2: Analog("height", {"zh": "高度", "en": "height"}, "m", 2),
    3: Analog("temperature", {"zh": "温度", "en": "temperature"}, "℃", 1),
    4: Analog("pressure_mpa", {"zh": "压力", "en": "pressure"}, "MPa", 1),
    5: Analog("pressure_kpa", {"zh": "压力", "en": "pressure"}, "kPa", 1),
    6: Analog("gas_lel", {"zh": "气体浓度", "en": "gas concentration"}, "%LEL", 1),
    7: Analog("duration", {"zh": "时间", "en": "time"}, "s", 0),
    8: Analog("voltage", {"zh": "电压", "en": "voltage"}, "V", 1),
    9: Analog("current", {"zh": "电流", "en": "current"}, "A", 1),
    10: Analog("flow", {"zh": "流量", "en": "flow"}, "L/s", 1),
    11: Analog("air_volume", {"zh": "风量", "en": "air volume"}, "m³/min", 1),
    12: Analog("wind_speed", {"zh": "风速", "en": "wind speed"}, "m/s", 0),
}
"""Table 6: the type of an analog value, with its unit and least step."""

ANALOG_NAMES: dict[int, Text] = {0: {"zh": "未用", "en": "unused"}} | {
    code: analog.name for code, analog in ANALOGS.items()
}


@dataclass(frozen=True)
class Bits:
    """The names of a word's bits, in code and in words; ``first`` stands for bit 0 where that
    bit set means normal monitoring and clear means test."""

    codes: tuple[str, ...]
    words: tuple[Text, ...]
    monitored: bool = True

    def names(self, word: int) -> list[str]:
        """The bits set in ``word``, by name. Bit 0 clear reads as ``test`` only where no other
        bit is set: real panels send 0x0002 for a fire, and that is a fire."""
        if self.monitored and word == 0:
            return ["test"]
        return [
            self.codes[bit] if bit < len(self.codes) else f"reserved_{bit}"
            for bit in range(word.bit_length())
            if word >> bit & 1
        ]

    def word(self, names: list[str]) -> int:
        """The word of ``names``; raises ``ValueError`` for a name that is none of its bits."""
        word = 0
        for bit_name in names:
            if bit_name in self.codes:
                word |= 1 << self.codes.index(bit_name)
            elif bit_name.startswith("reserved_") and bit_name[9:].isdigit():
                word |= 1 << int(bit_name[9:])
            elif not (bit_name == "test" and self.monitored):
                raise ValueError(f"{bit_name!r} is no bit here; choose from {list(self.codes)}")
        return word

    def say(self, word: int) -> list[Text]:
        """The bits set in ``word``, in words."""
        if self.monitored and word == 0:
            return [TEST]
        return [
            self.words[bit] if bit < len(self.words) else RESERVED
            for bit in range(word.bit_length())
            if word >> bit & 1
        ]


TEST: Text = {"zh": "测试", "en": "test"}


def _bits(rows: str, *, monitored: bool = True) -> Bits:
    cells = [[cell.strip() for cell in row.split("|")] for row in rows.strip().splitlines()]
    return Bits(
        tuple(row[0] for row in cells),
        tuple({"zh": row[1], "en": row[2]} for row in cells),
        monitored,
    )


SYSTEM_STATE = _bits("""
normal|正常运行|normal monitoring
fire|火警|fire
fault|故障|fault
shield|屏蔽|shielded
supervise|监管|supervisory
start|启动|started
feedback|反馈|feedback
delay|延时|delay
main_power_fault|主电故障|main power fault
backup_power_fault|备电故障|backup power fault
bus_fault|总线故障|bus fault
manual|手动状态|manual mode
configuration_changed|配置改变|configuration changed
reset|复位|reset
""")
"""Bits of a facility system's state (u16)."""

COMPONENT_STATE = _bits("""
normal|正常运行|normal operation
fire|火警|fire
fault|故障|fault
shield|屏蔽|shielded
supervise|监管|supervisory
start|启动|started
feedback|反馈|feedback
delay|延时|delay
power_fault|电源故障|power fault
""")
"""Bits of a component's state (u16)."""

UNIT_STATE = _bits("""
normal|正常监视|normal monitoring
fire|火警|fire
fault|故障|fault
main_power_fault|主电故障|main power fault
backup_power_fault|备电故障|backup power fault
link_fault|与监控中心通信信道故障|fault of the link to the centre
line_fault|监测连接线路故障|fault of a monitored line
""")
"""Bits of a user information transmission unit's state (u8)."""

SYSTEM_OPERATION = _bits(
    """
reset|复位|reset
mute|消音|mute
manual_alarm|手动报警|manual alarm
clear|警情消除|alarm cleared
self_test|自检|self test
confirm|确认|confirm
test|测试|test
""",
    monitored=False,
)
"""Bits of an operation on a facility (u8)."""

UNIT_OPERATION = _bits(
    """
reset|复位|reset
mute|消音|mute
manual_alarm|手动报警|manual alarm
clear|警情消除|alarm cleared
self_test|自检|self test
duty_answer|查岗应答|answer to a duty check
test|测试|test
""",
    monitored=False,
)
"""Bits of an operation on a transmission unit (u8)."""
