using System.CommandLine;
using System.Globalization;

namespace SampleSupport;

/// <summary>What the samples' command lines have in common.</summary>
internal static class CommandLine
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int BadUsage = 2;
    public const int Cancelled = 130;

    /// <summary>An option that takes a whole number of at least <paramref name="minimum"/>.</summary>
    public static Option<int> WholeNumber(
        string name,
        string description,
        int fallback,
        int minimum,
        int maximum = int.MaxValue
    ) =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => fallback,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (
                    int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
                    && value >= minimum
                    && value <= maximum
                )
                    return value;
                string range =
                    minimum == int.MinValue ? ""
                    : maximum == int.MaxValue
                        ? string.Create(CultureInfo.InvariantCulture, $" of at least {minimum:N0}")
                    : string.Create(CultureInfo.InvariantCulture, $" from {minimum:N0} to {maximum:N0}");
                result.AddError($"{name} takes a whole number{range}, not \"{text}\".");
                return fallback;
            },
        };

    /// <summary>
    /// Parses and runs. A mistake in the arguments, or a failure that the user can mend, is told in one sentence on the
    /// error stream.
    /// </summary>
    public static int Run(RootCommand command, string[] arguments)
    {
        ParseResult parsed = command.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine(parsed.Errors[0].Message);
            return BadUsage;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine(FirstSentence(e));
            return BadUsage;
        }
        catch (Exception e)
            when (e is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(FirstSentence(e));
            return Failure;
        }
    }

    // .NET adds the parameter's name and value to an argument's message; they mean nothing on a command line.
    private static string FirstSentence(Exception e)
    {
        string line = e.Message.Split('\n')[0].Trim();
        int suffix = line.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return suffix > 0 ? line[..suffix] : line;
    }
}
