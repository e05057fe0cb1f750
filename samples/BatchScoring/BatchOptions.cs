using System.CommandLine;
using SampleSupport;

namespace BatchScoring;

/// <summary>What the command line asks for.</summary>
internal sealed record BatchOptions(
    string Model,
    string Input,
    string Output,
    ColumnNames Columns,
    char Delimiter,
    int PartRows,
    bool Restart
)
{
    /// <summary>The command, which hands its options to <paramref name="run"/>.</summary>
    public static RootCommand CreateCommand(Func<BatchOptions, int> run)
    {
        Option<string> model = Path("--model", "The model file.");
        Option<string> input = Path("--input", "The rows: a .csv, .tsv or .parquet file.");
        Option<string> output = Path("--output", "The predictions, one a row: a .csv, .tsv or .parquet file.");
        Option<string[]> columns = new("--columns")
        {
            Description =
                "Where a column of the model is in the input if not under its own name: \"Weight=kg\", or \"Features=pixel0..pixel783\" for a vector.",
            HelpName = "NAME=COLUMN",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        Option<string?> delimiter = new("--delimiter")
        {
            Description = "What separates the values of a text file. [default: a tab in .tsv files, else a comma]",
            HelpName = "CHARACTER",
        };
        delimiter.Validators.Add(result =>
        {
            if (result.GetValue(delimiter) is not { Length: 1 } text || text is "\"" or "\n" or "\r")
                result.AddError("--delimiter takes one character, and no quote or line break.");
        });
        Option<int> partRows = CommandLine.WholeNumber(
            "--part-rows",
            "Rows that are written, and safe, at a time; a row group of a Parquet file.",
            fallback: 65_536,
            minimum: 1,
            maximum: 10_000_000
        );
        Option<bool> restart = new("--restart")
        {
            Description = "Begin anew: forget what an interrupted run has done, and replace the output.",
        };

        var command = new RootCommand("Scores a file of rows that may be larger than memory with a saved model.")
        {
            model,
            input,
            output,
            columns,
            delimiter,
            partRows,
            restart,
        };
        command.SetAction(parsed =>
            run(
                new BatchOptions(
                    parsed.GetRequiredValue(model),
                    parsed.GetRequiredValue(input),
                    parsed.GetRequiredValue(output),
                    ColumnNames.Parse(parsed.GetRequiredValue(columns)),
                    parsed.GetValue(delimiter) is { } text ? text[0] : '\0',
                    parsed.GetRequiredValue(partRows),
                    parsed.GetRequiredValue(restart)
                )
            )
        );
        return command;
    }

    /// <summary>What separates the values of a text file.</summary>
    public char DelimiterOf(string path) =>
        Delimiter != '\0' ? Delimiter
        : TableFormats.HasExtension(path, ".tsv") ? '\t'
        : ',';

    private static Option<string> Path(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "FILE",
            Required = true,
        };
}
