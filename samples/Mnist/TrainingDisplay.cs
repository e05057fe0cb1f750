using System.Globalization;
using Microsoft.ML.Infomorphic.Training;
using Spectre.Console;

namespace Mnist;

/// <summary>
/// Shows a training while it runs: a bar on a terminal, a line now and then in a log file.
/// </summary>
internal static class TrainingDisplay
{
    /// <summary>Runs a training and shows its epochs.</summary>
    /// <param name="console">Where to show them.</param>
    /// <param name="epochs">Number of epochs.</param>
    /// <param name="train">The training, which calls its argument after every epoch.</param>
    public static T Run<T>(IAnsiConsole console, int epochs, Func<Action<EpochRecord>, T> train) =>
        console.Profile.Capabilities is { Ansi: true, Interactive: true }
            ? RunWithBar(console, epochs, train)
            : RunWithLines(console, epochs, train);

    private static T RunWithBar<T>(IAnsiConsole console, int epochs, Func<Action<EpochRecord>, T> train) =>
        console
            .Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = null },
                new SpinnerColumn()
            )
            .Start(progress =>
            {
                ProgressTask bar = progress.AddTask("preparing", maxValue: epochs);
                return train(record =>
                {
                    bar.Description = Markup.Escape(Describe(record, epochs));
                    bar.Value = record.Epoch;
                });
            });

    private static T RunWithLines<T>(IAnsiConsole console, int epochs, Func<Action<EpochRecord>, T> train)
    {
        int every = Math.Max(1, epochs / 20);
        return train(record =>
        {
            if (record.Epoch == 1 || record.Epoch == epochs || record.Epoch % every == 0)
                console.Profile.Out.Writer.WriteLine(Describe(record, epochs));
        });
    }

    private static string Describe(EpochRecord record, int epochs)
    {
        // Accuracy on unseen rows where there are any.
        double accuracy = record.ValidationAccuracy ?? record.TrainingAccuracy;
        TimeSpan left = TimeSpan.FromSeconds(record.Seconds / record.Epoch * (epochs - record.Epoch));
        string width = epochs.ToString(CultureInfo.InvariantCulture);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"epoch {record.Epoch.ToString(CultureInfo.InvariantCulture).PadLeft(width.Length)}/{width}  accuracy {accuracy * 100:F2} %  goal {record.Goal:F4} bits  {(int)left.TotalMinutes}:{left.Seconds:D2} left"
        );
    }
}
