"""Every check of doctor, in the order in which they look. A new one is a function, and a line here."""

from .checks import command, config, environment, standing
from .model import FileCheck, HostCheck, ServerCheck

HOST_CHECKS: tuple[HostCheck, ...] = (
    config.servers_are_in_the_right_file,
    standing.project_is_trusted,
)

FILE_CHECKS: tuple[FileCheck, ...] = (
    config.file_can_be_read,
    config.host_accepts_the_file,
    config.servers_are_in_the_right_section,
    config.a_link_stays_a_link,
    standing.nobody_else_reads_secrets,
    standing.no_secret_is_shared,
)

SERVER_CHECKS: tuple[ServerCheck, ...] = (
    standing.name_can_be_used,
    standing.entry_is_on,
    standing.entry_is_not_overruled,
    standing.what_we_put_is_still_there,
    standing.server_is_there_once,
    command.command_is_there,
    command.wrapped_command_is_there,
    command.command_is_absolute,
    command.program_fits_the_machine,
    command.runner_has_what_it_runs_on,
    command.windows_script_has_its_shell,
    command.folder_is_there,
    command.program_is_kept,
    command.our_program_is_this_one,
    command.the_right_one_of_several,
    environment.references_lead_somewhere,
    environment.references_are_this_hosts,
    environment.secrets_are_in_the_store,
    environment.the_api_key_is_there,
    environment.the_base_url_is_there,
    environment.the_api_key_looks_like_one,
    environment.the_base_url_is_whole,
    environment.path_is_a_path,
)
