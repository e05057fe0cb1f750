using Spectre.Console;

namespace SampleSupport;

/// <summary>The console of the samples.</summary>
internal static class ConsoleOutput
{
    /// <summary>A console that writes no control codes into files.</summary>
    public static IAnsiConsole Create()
    {
        if (!Console.IsOutputRedirected)
            return AnsiConsole.Console;
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
                Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            }
        );
        console.Profile.Width = 120;
        return console;
    }
}
