"""The desk: the prompt at hand, the row it belongs to, and how another one comes to the form."""

from pathlib import Path
from typing import Any

import gradio as gr

from ovi.spec.request import ClipRequest, Mode
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.image_cells import find_picture, relative_name
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN, PromptRow
from ovi_studio.render.job import RenderJob
from ovi_studio.render.record import Recipe
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_events import tell, tells_errors
from ovi_studio.web.page_fields import Fields
from ovi_studio.web.page_first_frame import picture_name, picture_path, picture_shown
from ovi_studio.web.page_form import (
    FormValues,
    cells_of,
    read_fields,
    shown_fields,
    values_of_request,
    values_of_row,
)
from ovi_studio.web.page_markup import Markup, tag
from ovi_studio.web.page_sets import (
    add_row,
    columns_of,
    own_sets,
    read_row,
    save_row,
    set_path,
)
from ovi_studio.web.page_takeover import left_behind, request_of_row, wants_drawing


class Desk:
    """The form together with the row that it was opened from."""

    def __init__(self, context: WebContext, fields: Fields, tabs: Any) -> None:
        """Builds the part that keeps a prompt in a set. `connect` gives it life."""
        self._context = context
        self._fields = fields
        self._tabs = tabs
        self.place = gr.HTML(elem_id="ovi-place")
        with gr.Row():
            self.set_name = gr.Dropdown(
                list(own_sets(context)), value=None, allow_custom_value=True, min_width=160,
                label="Set (choose one, or write a new name)", elem_id="ovi-set",
            )  # fmt: skip
        self.with_settings = gr.Checkbox(False, label="Keep the settings in the row, too")
        with gr.Row():
            self._save = gr.Button("Save the row", min_width=120, elem_id="ovi-save-row")
            self._add = gr.Button("Add as a new row", min_width=120, elem_id="ovi-add-row")
        self.row_id = gr.Textbox("", visible="hidden")
        self.before = gr.Textbox("", visible="hidden")

    @property
    def outputs(self) -> list[Any]:
        """The components that another prompt goes to."""
        return [*outputs_to_load(self._fields), *self._bound, self._tabs]

    @property
    def _bound(self) -> list[Any]:
        return [self.set_name, self.row_id, self.before, self.place]

    def open_row(self, set_name: str, row_id: str) -> list[Any]:
        """New content for `outputs`: a row of a set. Raises StudioError, OviError."""
        row = read_row(self._context, set_name, row_id)
        values = values_of_row(row.values, row.text, self._context)
        wanted = request_of_row(self._context, set_name, row_id)
        picture = self._picture_of(row, set_name)
        return self._content(values, picture, wanted, set_name, row.id, row.text)

    def open_job(self, job: RenderJob) -> list[Any]:
        """The same for the settings of a job."""
        return self._open_request(job.task.request, job.task.profile)

    def open_recipe(self, recipe: Recipe) -> list[Any]:
        """The same for the recipe of a clip."""
        return self._open_request(recipe.request, recipe.profile)

    def _open_request(self, request: ClipRequest, profile: str | None) -> list[Any]:
        first_frame = "" if request.first_frame is None else request.first_frame.path
        values = values_of_request(request, profile)
        return self._content(values, self._inside(first_frame), request)

    def connect(self) -> None:
        """What the buttons do."""
        ordered = [self.set_name, self.row_id, self.before, self.with_settings,
                   self._fields.picture_name, *self._fields.written]  # fmt: skip
        self._save.click(tells_errors(self._saved), ordered, self._bound,
                         api_visibility="private", show_progress="hidden")  # fmt: skip
        self._add.click(tells_errors(self._added), ordered, self._bound,
                        api_visibility="private", show_progress="hidden")  # fmt: skip

    def _saved(
        self, name: Any, row_id: str, before: str, with_settings: bool, picture: str, *written: Any
    ) -> list[Any]:
        if not row_id:
            raise UsageError("This prompt was not opened from a row: add it as a new one.")
        values = read_fields(written)
        cells = self._cells(name, values, picture, with_settings=with_settings)
        if IMAGE_COLUMN in cells or read_row(self._context, name, row_id).image_path:
            cells.setdefault(IMAGE_COLUMN, "")
        save_row(self._context, name, row_id, before, cells)
        tell(f"Row {row_id} of {name} is saved.")
        return self._binding(name, row_id, values.prompt)

    def _added(
        self, name: Any, _row: str, _before: str, with_settings: bool, picture: str, *written: Any
    ) -> list[Any]:
        values = read_fields(written)
        cells = self._cells(name, values, picture, with_settings=with_settings)
        row_id = add_row(self._context, name, cells)
        tell(f"Row {row_id} is added to {name.strip()}.")
        return self._binding(name.strip(), row_id, values.prompt)

    def _cells(
        self, name: Any, values: FormValues, picture: str, *, with_settings: bool
    ) -> dict[str, str]:
        cells = {TEXT_COLUMN: values.prompt}
        if with_settings:
            cells |= cells_of(values, columns_of(self._context, name))
        path = picture_path(self._context, picture)
        if path is not None:
            known = own_sets(self._context).get(name) if isinstance(name, str) else None
            folder = known.parent if known else self._context.layout.root / "prompts"
            cells[IMAGE_COLUMN] = relative_name(path, folder)
        return cells

    def _binding(self, name: str | None, row_id: str, before: str) -> list[Any]:
        names = list(own_sets(self._context))
        return [gr.update(choices=names, value=name), row_id, before, show_place(name, row_id)]

    def _content(
        self, values: FormValues, picture: str, wanted: ClipRequest | None,
        name: str | None = None, row_id: str = "", before: str = "",
    ) -> list[Any]:  # fmt: skip
        binding = self._binding(name, row_id, before)
        is_drawn = False
        if wanted is not None:
            path = picture_path(self._context, picture)
            if path is not None or wanted.mode is not Mode.I2V:
                tell(left_behind(self._context, wanted, values, path))
            is_drawn = wants_drawing(self._context, wanted.mode)
        content = loaded(self._context, values, picture, is_drawn=is_drawn)
        return [*content, *binding, gr.Tabs(selected="write")]

    def _picture_of(self, row: PromptRow, set_name: str) -> str:
        if not row.image_path:
            return ""
        folder = set_path(self._context, set_name).parent
        found = find_picture(row.image_path, [folder, self._context.working_folder])
        return self._inside("" if found is None else str(found))

    def _inside(self, path: str) -> str:
        """The name of a first frame inside the project; "" with a notice for another."""
        if not path:
            return ""
        try:
            found = picture_path(self._context, path)
            return "" if found is None else picture_name(self._context, Path(found))
        except StudioError:
            tell("Its first frame is not in this project: choose one.")
            return ""


def loaded(
    context: WebContext, values: FormValues, picture: str = "", *, is_drawn: bool = False
) -> list[Any]:
    """New content for `outputs_to_load`."""
    shown = picture_shown(context, picture)
    name = picture if shown is not None else ""
    return [*shown_fields(values), name, shown, is_drawn, values.variant]


def outputs_to_load(fields: Fields) -> list[Any]:
    """The components that another prompt with its settings goes to."""
    return [*fields.written, fields.picture_name, fields.picture, fields.is_drawn,
            fields.variant_before]  # fmt: skip


def own_set_choices(context: WebContext, chosen: object) -> Any:
    """An update of the dropdown that says where the prompt is kept."""
    value = chosen if isinstance(chosen, str) and chosen else None
    return gr.update(choices=list(own_sets(context)), value=value)


def show_place(name: str | None, row_id: str) -> Markup:
    """Which row the prompt at hand is."""
    if not name or not row_id:
        return tag("p", "This prompt is in no set yet; this browser keeps it as a draft.",
                   class_="ovi-sub")  # fmt: skip
    return tag("p", "This is ", tag("strong", f"row {row_id} of {name}"), ".", class_="ovi-sub")
