using System.CommandLine;
using System.Diagnostics;
using Microsoft.ML.Infomorphic.Benchmarks;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.GpuCheck;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>What the parts have in common.</summary>
internal static class Part
{
    /// <summary>A command that measures and writes a report.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="run">Does it; gives back what the report has, beside the machine.</param>
    /// <param name="options">Its own options.</param>
    public static Command Create(
        string name,
        string description,
        Func<Measurement, ParseResult, object> run,
        params Option[] options
    )
    {
        var shared = new MeasurementOptions();
        var command = new Command(name, description);
        foreach (Option option in options)
            command.Options.Add(option);
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            Measurement measurement = shared.Begin(parsed);
            Machine machine = measurement.Machine;
            object result = run(measurement, parsed);
            if (measurement.ReportPath is string path)
                ReportFile.Write(
                    path,
                    new
                    {
                        Command = name,
                        MeasuredAt = Measurement.Now,
                        Machine = machine,
                        Result = result,
                    }
                );
            return 0;
        });
        return command;
    }

    /// <summary>Settings of a network that is trained with the paper's settings.</summary>
    public static TrainingSettings Settings(int hidden, int epochs) =>
        Setup.Settings(hidden, Setup.LateralConnections(hidden)) with
        {
            Epochs = epochs,
        };

    /// <summary>What a program prints; null where there is none, or it fails.</summary>
    public static string? Ask(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
            )!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (process.WaitForExit(TimeSpan.FromSeconds(10)))
                return process.ExitCode == 0 ? output.GetAwaiter().GetResult().Trim() : null;
            process.Kill();
            return null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
