# Written by `python -m tools.write_stub` from the table in __init__.py; a test compares the two.

from pace_edge.analytic import AnalyticClassifier as AnalyticClassifier
from pace_edge.errors import AudioError as AudioError
from pace_edge.errors import DeviceError as DeviceError
from pace_edge.errors import DoubtfulError as DoubtfulError
from pace_edge.errors import JournalError as JournalError
from pace_edge.errors import LearningError as LearningError
from pace_edge.errors import ModelFileError as ModelFileError
from pace_edge.errors import OtherFormError as OtherFormError
from pace_edge.errors import PaceEdgeError as PaceEdgeError
from pace_edge.errors import ProviderError as ProviderError
from pace_edge.errors import SinkError as SinkError
from pace_edge.errors import UsageError as UsageError
from pace_edge.journal import Journal as Journal
from pace_edge.model_file import Model as Model
from pace_edge.model_file import read_model as read_model
from pace_edge.operation_log import Example as Example
from pace_edge.operations import Operation as Operation
from pace_edge.rates import Rate as Rate
from streams.heard import Event as Event
from streams.heard import Gap as Gap
from streams.heard import Notice as Notice
from streams.heard import SourceState as SourceState
from streams.heard import Window as Window
from streams.listening.classify import Classification as Classification
from streams.listening.classify import classify as classify
from streams.listening.learner import open_journal as open_journal
from streams.listening.listen import alisten as alisten
from streams.listening.listen import listen as listen
from streams.listening.listener import Listener as Listener
from streams.listening.options import Options as Options
from streams.sources.microphone import input_devices as input_devices
from streams.teaching.change import Change as Change
from streams.teaching.confusion import Confusion as Confusion
from streams.teaching.effect import Effect as Effect
from streams.teaching.labels import Health as Health
from streams.teaching.labels import LabelCount as LabelCount
from streams.teaching.labels import health as health
from streams.teaching.labels import labels as labels
from streams.teaching.lesson import Lesson as Lesson
from streams.teaching.lesson import TableLessons as TableLessons
from streams.teaching.teach import Teacher as Teacher

PUBLIC: dict[str, tuple[str, str]]
__all__: list[str]
__version__: str
