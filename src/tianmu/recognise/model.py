"""A model on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from tianmu.recognise import layout as layouts
from tianmu.recognise.fault import MISSING, Unusable
from tianmu.recognise.picture import Found, Image, prepare, read


class Recogniser:
    """``file`` and the layout beside it (``<name>.toml``, or ``layout``). Raises ``Unusable``."""

    def __init__(self, file: Path, layout: Path | None = None, *, threads: int = 1) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise Unusable(MISSING) from error
        self.layout = layouts.read(layout or file.with_suffix(".toml"))
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime has no one class for what a file may be
            raise Unusable(f"{file} is no model that ONNX Runtime can run: {error}") from error
        self._file = file
        self._input = self._session.get_inputs()[0].name
        outputs = [one.name for one in self._session.get_outputs()]
        self._output = self.layout.output.name or outputs[0]
        if self._output not in outputs:
            raise Unusable(f"{file} has no output {self._output}: name one of {', '.join(outputs)}")

    def things(self, image: Image) -> list[Found]:
        """What is on a picture, the surest first. Raises ``Unusable`` where layout and model do
        not fit."""
        made, fit = prepare(image, self.layout.input)
        try:
            [output] = self._session.run([self._output], {self._input: made})
        except Exception as error:
            raise Unusable(
                f"{self._file} does not take an input of {made.shape} {made.dtype}: {error}: set "
                "[input] as the model has it"
            ) from error
        try:
            return read(output, self.layout, fit)
        except ValueError as error:
            raise Unusable(f"{self._file}: {error}: set [output] as the model has it") from error
